package io.github.dl4jtorch.examples;

import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Compiles and runs pieces of code from the documentation, as the body of a method. */
final class Snippets {

  /** What the documentation's code may use without saying where it is from. */
  private static final String IMPORTS =
      List.of(
              "io.github.dl4jtorch.adapter.*",
              "io.github.dl4jtorch.adapter.checkpoint.*",
              "io.github.dl4jtorch.adapter.optim.*",
              "io.github.dl4jtorch.adapter.samediff.*",
              "io.github.dl4jtorch.adapter.step.*",
              "io.github.dl4jtorch.adapter.watch.*",
              "io.github.dl4jtorch.examples.DigitsData",
              "io.github.dl4jtorch.files.*",
              "io.github.dl4jtorch.handover.*",
              "io.github.dl4jtorch.recipes.*",
              "io.github.dl4jtorch.schedules.*",
              "io.github.dl4jtorch.schedules.families.*",
              "io.github.dl4jtorch.swa.*",
              "io.github.dl4jtorch.tensorboard.*",
              "java.io.File",
              "java.nio.file.*",
              "java.util.*",
              "java.util.function.*",
              "org.deeplearning4j.core.storage.*",
              "org.deeplearning4j.earlystopping.*",
              "org.deeplearning4j.earlystopping.saver.*",
              "org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator",
              "org.deeplearning4j.earlystopping.termination.*",
              "org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer",
              "org.deeplearning4j.nn.api.*",
              "org.deeplearning4j.nn.conf.*",
              "org.deeplearning4j.nn.conf.layers.*",
              "org.deeplearning4j.nn.graph.ComputationGraph",
              "org.deeplearning4j.nn.multilayer.MultiLayerNetwork",
              "org.deeplearning4j.parallelism.ParallelWrapper",
              "org.deeplearning4j.ui.model.stats.StatsListener",
              "org.deeplearning4j.ui.model.stats.api.StatsReport",
              "org.deeplearning4j.ui.model.storage.InMemoryStatsStorage",
              "org.nd4j.linalg.activations.Activation",
              "org.nd4j.linalg.api.ndarray.INDArray",
              "org.nd4j.linalg.dataset.DataSet",
              "org.nd4j.linalg.dataset.api.iterator.DataSetIterator",
              "org.nd4j.linalg.factory.Nd4j",
              "org.nd4j.linalg.learning.config.*",
              "org.nd4j.linalg.schedule.ScheduleType")
          .stream()
          .map(name -> "import " + name + ";\n")
          .collect(Collectors.joining());

  private final Path folder;

  Snippets(Path folder) {
    this.folder = folder;
  }

  /**
   * Compiles a snippet, with {@code parameters} for the names that its surroundings explain. One
   * that begins with imports must have all that it needs.
   *
   * @return the compiler's complaints, empty if there are none
   */
  String compile(String name, String parameters, String code) throws IOException {
    Path source = folder.resolve(name + ".java");
    String own =
        code.lines()
            .takeWhile(line -> line.startsWith("import "))
            .map(line -> line + "\n")
            .collect(Collectors.joining());
    Files.writeString(
        source,
        (own.isEmpty() ? IMPORTS : own)
            + "\npublic class "
            + name
            + " {\n  public static void run("
            + parameters
            + ") throws Exception {\n"
            + code.substring(own.length())
            + "\n  }\n}\n");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> complaints = new DiagnosticCollector<>();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      compiler
          .getTask(
              null,
              files,
              complaints,
              List.of(
                  "-proc:none",
                  "-classpath",
                  System.getProperty("java.class.path"),
                  "-d",
                  folder.toString()),
              null,
              files.getJavaFileObjects(source))
          .call();
    }
    return complaints.getDiagnostics().stream()
        .filter(complaint -> complaint.getKind() == Diagnostic.Kind.ERROR)
        .map(Object::toString)
        .collect(Collectors.joining("\n"));
  }

  /** Runs a snippet that was compiled, with a value for each of its parameters. */
  void run(String name, Object... values) throws Exception {
    try (URLClassLoader loader =
        new URLClassLoader(
            new URL[] {folder.toUri().toURL()}, Thread.currentThread().getContextClassLoader())) {
      Method run =
          Arrays.stream(loader.loadClass(name).getMethods())
              .filter(method -> method.getName().equals("run"))
              .findFirst()
              .orElseThrow();
      run.invoke(null, values);
    }
  }
}

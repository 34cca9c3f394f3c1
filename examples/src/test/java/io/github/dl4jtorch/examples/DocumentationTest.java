package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.schedules.Schedule;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** The code in the pages and in the Javadoc compiles, and what stands for itself runs. */
class DocumentationTest {

  private static final Path ROOT = Path.of("..");
  private static final Pattern README_CODE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
  private static final Pattern JAVADOC_CODE =
      Pattern.compile("<pre>\\{@code\n(.*?)\n *\\* \\}</pre>", Pattern.DOTALL);

  /** The names that Javadoc and pages use without declaring them. */
  private static final String SURROUNDINGS =
      "MultiLayerConfiguration configuration, MultiLayerNetwork net, ComputationGraph graph,"
          + " org.nd4j.autodiff.samediff.SameDiff sd, DataSetIterator training,"
          + " DataSetIterator validation";

  /** The same for the README, in full as its first snippet has imports of its own. */
  private static final String README_SURROUNDINGS =
      "org.deeplearning4j.nn.conf.MultiLayerConfiguration configuration,"
          + " org.nd4j.linalg.dataset.api.iterator.DataSetIterator training,"
          + " org.nd4j.linalg.dataset.api.iterator.DataSetIterator validation, int epochs,"
          + " int batches";

  @TempDir Path folder;

  static List<String> readmeCode() throws IOException {
    return code("README.md");
  }

  /** The code that needs nothing of its surroundings but data. */
  static List<String> runningCode() throws IOException {
    List<String> all = new ArrayList<>(readmeCode());
    for (String page : List.of("schedulers", "own-schedules", "state-dicts")) {
      List<String> code = code("docs/" + page + ".md");
      assertThat(code).as(page).isNotEmpty();
      all.addAll(code);
    }
    return all;
  }

  private static List<String> code(String page) throws IOException {
    Matcher matcher = README_CODE.matcher(Files.readString(ROOT.resolve(page)));
    return matcher.results().map(result -> result.group(1)).toList();
  }

  @Test
  void theReadmeHasCode() throws IOException {
    assertThat(readmeCode()).hasSize(3);
    assertThat(readmeCode().get(0).lines().filter(line -> !line.startsWith("import ")).count())
        .isLessThanOrEqualTo(11);
    assertThat(readmeCode().get(0)).startsWith("import ");
  }

  @ParameterizedTest
  @MethodSource("runningCode")
  void theCodeRuns(String code) throws Exception {
    Snippets snippets = new Snippets(folder);
    assertThat(snippets.compile("Readme", README_SURROUNDINGS, code)).isEmpty();
    snippets.run("Readme", configuration(), data(), data(), 3, 4);
  }

  @Test
  void theReadmesFirstSnippetTrainsUnderOneCycle() throws Exception {
    Snippets snippets = new Snippets(folder);
    String code =
        readmeCode().get(0)
            + """
            double first = 0.1 / 25;
            double last = first / 1e4;
            double shown = net.getLearningRate(0);
            Object updater = net.getLayer(0).conf().getLayer().getUpdaterByParam("W");
            if (!(updater instanceof TorchSGD)) {
              throw new AssertionError(updater);
            }
            if (!(Math.abs(shown - last) < 1e-12) || net.getIterationCount() != 12) {
              throw new AssertionError(shown + " after " + net.getIterationCount());
            }
            """;
    assertThat(snippets.compile("First", README_SURROUNDINGS, code)).isEmpty();
    snippets.run("First", configuration(), data(), data(), 3, 4);
  }

  @Test
  void thePagesNameAndDrawEveryScheduler() throws IOException {
    // Those made of other schedules have a page of their own.
    String pages =
        Files.readString(ROOT.resolve("docs/schedulers.md"))
            + Files.readString(ROOT.resolve("docs/algebra.md"));
    assertThat(Schedule.types())
        .filteredOn(type -> !type.contains(".")) // DrawFamiliesTest sees to those.
        .allSatisfy(
            type -> {
              String row =
                  "| <img src=\"curves/%s.png\" width=\"160\" alt=\"\"> | `%<s(".formatted(type);
              assertThat(pages.contains(row))
                  .as(
                      "a row in the table of docs/schedulers.md or docs/algebra.md that begins with %s",
                      row)
                  .isTrue();
              Path picture = ROOT.resolve("docs/curves/" + type + ".png");
              assertThat(picture)
                  .as("%s's curve, which DrawCurves draws (DrawCurvesTest says how)", type)
                  .exists();
              BufferedImage curve = ImageIO.read(picture.toFile());
              assertThat(curve.getWidth()).isBetween(100, 400);
              assertThat(distinctRows(curve))
                  .as("rows that %s's curve touches", type)
                  .isGreaterThan(10);
            });
  }

  private static long distinctRows(BufferedImage image) {
    long rows = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 1; x < image.getWidth(); x++) {
        if (image.getRGB(x, y) != image.getRGB(0, 0)) {
          rows++;
          break;
        }
      }
    }
    return rows;
  }

  @Test
  void theJavadocsCodeCompiles() throws IOException {
    List<String> complaints = new ArrayList<>();
    int snippets = 0;
    for (String module :
        List.of(
            "schedules",
            "adapter",
            "swa",
            "tensorboard",
            "recipes",
            "torch-files",
            "handover",
            "examples")) {
      for (Path source : files(ROOT.resolve(module).resolve("src/main/java"), ".java")) {
        Matcher matcher = JAVADOC_CODE.matcher(Files.readString(source));
        while (matcher.find()) {
          snippets++;
          String code = matcher.group(1).replaceAll("(?m)^ *\\* ?", "");
          String complaint =
              new Snippets(folder).compile("Snippet" + snippets, SURROUNDINGS, redeclaring(code));
          if (!complaint.isEmpty()) {
            complaints.add(source + ":\n" + complaint);
          }
        }
      }
    }
    assertThat(snippets).isGreaterThan(20);
    assertThat(complaints).isEmpty();
  }

  @Test
  void thePagesCodeCompiles() throws IOException {
    List<String> complaints = new ArrayList<>();
    int snippets = 0;
    for (Path page : files(ROOT.resolve("docs"), ".md")) {
      if (page.endsWith("spark.md")) {
        continue; // Its module, which has what it needs, sees to it.
      }
      if (page.endsWith("from-pytorch.md")) {
        continue; // FromPyTorchTest runs it.
      }
      Matcher matcher = README_CODE.matcher(Files.readString(page));
      while (matcher.find()) {
        snippets++;
        String complaint =
            new Snippets(folder)
                .compile("Page" + snippets, SURROUNDINGS, redeclaring(matcher.group(1)));
        if (!complaint.isEmpty()) {
          complaints.add(page + ":\n" + complaint);
        }
      }
    }
    assertThat(snippets).isPositive();
    assertThat(complaints).isEmpty();
  }

  /** Gives the snippet a scope of its own, so that it may use the parameters' names itself. */
  private static String redeclaring(String code) {
    return "new Object() { void snippet() throws Exception {\n" + code + "\n}}.snippet();";
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    }
  }

  private static MultiLayerConfiguration configuration() {
    return new NeuralNetConfiguration.Builder()
        .seed(1)
        .updater(new Sgd(0.1))
        .list(
            new DenseLayer.Builder().nIn(4).nOut(8).build(),
            new BatchNormalization.Builder().nIn(8).nOut(8).build(),
            new OutputLayer.Builder().nIn(8).nOut(3).activation(Activation.SOFTMAX).build())
        .build();
  }

  private static DataSetIterator data() {
    DataSet rows = new DataSet(Nd4j.rand(24, 4), Nd4j.zeros(24, 3));
    for (int row = 0; row < 24; row++) {
      rows.getLabels().putScalar(row, row % 3, 1);
    }
    return new ListDataSetIterator<>(rows.asList(), 6);
  }
}

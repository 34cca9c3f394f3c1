package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * PyTorch itself takes a training back and goes on as it went on. Skipped where there is no Python
 * that has it: on Debian, {@code apt-get install python3-torch}. The system property {@code python}
 * names another.
 */
class PythonTest {

  private static final String PYTHON = System.getProperty("python", "/usr/bin/python3");
  private static final int BATCHES = 24;

  @TempDir Path folder;

  private static String run(String... arguments) {
    List<String> command = new ArrayList<>(List.of(PYTHON));
    command.addAll(List.of(arguments));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      return process.waitFor() == 0 ? output : "failed: " + output;
    } catch (IOException none) {
      return "failed: " + none.getMessage();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return "failed: interrupted";
    }
  }

  private static void assumeTorch(String what) {
    assumeTrue(
        run("-c", "import torch").isEmpty(),
        PYTHON
            + " has no torch, so it was not asked to "
            + what
            + "; on Debian: apt-get install python3-torch");
  }

  /** Each training goes on here to its end, and PyTorch takes model, optimizer and average back. */
  @ParameterizedTest
  @ValueSource(strings = {"cnn_onecycle", "cnn_finetune", "resnet_swa", "lstm_plateau"})
  void pyTorchTakesTheEndOf(String name) throws IOException {
    assumeTorch("take our files");
    Followed followed = new Followed(new Recording(name, name.startsWith("lstm")));
    Dict end =
        switch (name) {
          case "cnn_onecycle" -> OneCycleTest.follow(followed, "half.pt", folder);
          case "cnn_finetune" -> FineTuneTest.follow(followed, "half.pt", true, folder);
          case "resnet_swa" -> SwaTest.follow(followed, "half.pt", folder);
          default -> PlateauTest.follow(followed, "half.pt", folder);
        };
    Path written = folder.resolve("written.pt");
    TorchFile.write(written, end);
    Path model = folder.resolve("model.pt");
    TorchFile.write(model, end.dict("model"));
    Path taken = folder.resolve("taken.pt");
    String answer =
        run(
            "src/test/resources/python/torch_takes.py",
            name,
            written.toString(),
            model.toString(),
            followed.recording.file("final.pt").toString(),
            taken.toString());
    assertThat(answer).isIn(name + " weights only", name + " whole");
    System.out.printf(
        "%s: taken by PyTorch, final.pt %.1e%n", answer, followed.offFinal(TorchFile.read(taken)));
  }

  /** PyTorch begins, we make an epoch, PyTorch ends. */
  @Test
  void pyTorchGoesOnWithWhatIsWritten() throws IOException {
    assumeTorch("go on with our files");
    Recording recording = new Recording("cnn_onecycle", false);
    MultiLayerNetwork net =
        Networks.cnn(Networks.all(new TorchSGD(0.1).withNesterovMomentum(0.9), 5e-4));
    LRScheduler run =
        OneCycleLR.builder(0.2).totalSteps(96).build().attach(NetworkParamGroups.of(net));
    TorchTraining training = TorchTraining.of(net).with(run).batchesPerEpoch(BATCHES);
    training.load(recording.file("half.pt"));
    net.addListeners(SchedulerListener.everyIteration(run));
    recording.batches.forEach(net::fit);
    net.incrementEpochCount();
    Path alike = folder.resolve("alike.pt");
    training.save(alike, recording.read("half.pt"));
    Path anew = folder.resolve("anew.pt");
    training.save(anew);
    for (Path file : List.of(alike, anew)) {
      String[] answer =
          run(
                  "src/test/resources/python/torch_goes_on.py",
                  file.toString(),
                  "src/test/resources/handover/cnn_onecycle/recipe.json",
                  "src/test/resources/handover/cnn_onecycle/trace.json",
                  "../trainings/src/main/resources/golden/handover/digits.csv.gz")
              .split(" ");
      assertThat(answer).as(String.join(" ", answer)).hasSize(2);
      assertThat(Integer.parseInt(answer[0])).isEqualTo(BATCHES);
      assertThat(Double.parseDouble(answer[1])).isLessThan(1e-10);
    }
  }
}

package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.examples.Trial.Outcome;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GainsTest {

  private static final Judged UNKNOWN = new Judged(Double.NaN, Double.NaN);

  @TempDir private Path folder;

  private CommandLines measure(Path output, String... args) throws IOException {
    IdxFiles.write(folder, 96, 40);
    List<String> all =
        new ArrayList<>(
            List.of(
                "--quiet",
                "--data",
                folder.toString(),
                "--images",
                "64",
                "--seeds",
                "2",
                "--epochs",
                "1",
                "--output",
                output.toString()));
    all.addAll(List.of(args));
    return CommandLines.run(Gains.commandLine(), all.toArray(String[]::new));
  }

  @Test
  void choosesJudgesAndWritesTheSameTwice() throws IOException {
    Path one = folder.resolve("one");
    Path two = folder.resolve("two");
    CommandLines result = measure(one, "--threads", "1");

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    assertThat(result.out())
        .startsWith(
            folder.getFileName()
                + ": 64 images to train on, 32 to choose rates by, 40 to judge by\n"
                + "Test accuracy in %, mean +- standard error of 2 seeds\n")
        .endsWith(
            "\nWrote " + one.resolve("gains.png") + " and " + one.resolve("gains.csv") + "\n");

    List<String> csv = Files.readAllLines(one.resolve("gains.csv"));
    List<String> expected = new ArrayList<>();
    for (Method method : Method.values()) {
      for (double lr : method.rates()) {
        expected.add("choice," + method.name().toLowerCase(Locale.ROOT) + ",1," + lr + ",1001,");
      }
    }
    assertThat(csv.get(0))
        .isEqualTo(
            "part,method,epochs,lr,seed,validation_accuracy,validation_loss,test_accuracy,"
                + "test_loss");
    assertThat(csv).hasSize(1 + expected.size() + 2 * Method.values().length);
    for (int line = 0; line < expected.size(); line++) {
      assertThat(csv.get(1 + line)).startsWith(expected.get(line)).endsWith(",,");
    }
    List<Method> judged = List.of(Method.values());
    for (int line = 0; line < 2 * judged.size(); line++) {
      String[] cells = csv.get(1 + expected.size() + line).split(",");
      assertThat(cells).hasSize(9);
      assertThat(cells[0]).isEqualTo("judgement");
      assertThat(cells[1]).isEqualTo(judged.get(line / 2).name().toLowerCase(Locale.ROOT));
      assertThat(cells[4]).isEqualTo(String.valueOf(1 + line % 2));
      double right = 40 * Double.parseDouble(cells[7]);
      assertThat(right).isEqualTo(Math.rint(right)).isBetween(0.0, 40.0);
      assertThat(Double.parseDouble(cells[8])).isPositive();
    }

    BufferedImage picture = ImageIO.read(one.resolve("gains.png").toFile());
    assertThat(picture.getWidth()).isEqualTo(1600);
    assertThat(picture.getHeight()).isEqualTo(2 * (110 + 32 * Method.values().length));

    CommandLines again = measure(two, "--threads", "2");
    assertThat(again.out().replace("two", "one")).isEqualTo(result.out());
    assertThat(Files.readAllLines(two.resolve("gains.csv"))).isEqualTo(csv);
  }

  @Test
  void choosesByAccuracyThenByLoss() {
    Map<Trial, Outcome> outcomes = new LinkedHashMap<>();
    double[][] accuracies = {{0.9, 0.5}, {0.7, 0.8}, {0.8, 0.7}, {0, 0}, {0.6, 0.6}};
    double[] losses = {0.1, 0.5, 0.4, Double.POSITIVE_INFINITY, 0.3};
    for (int rate = 0; rate < 5; rate++) {
      double lr = Method.STEP.rates().get(rate);
      for (int seed = 0; seed < 2; seed++) {
        Judged validation = new Judged(accuracies[rate][seed], losses[rate]);
        outcomes.put(new Trial(Method.STEP, lr, 1, seed), new Outcome(validation, UNKNOWN));
        // Of another method.
        Judged perfect = new Judged(rate == 0 ? 1 : 0, 0);
        outcomes.put(new Trial(Method.SWA, lr, 1, seed), new Outcome(perfect, UNKNOWN));
      }
    }

    assertThat(Gains.best(Method.STEP, outcomes)).isEqualTo(0.1);
    assertThat(Gains.best(Method.SWA, outcomes)).isEqualTo(0.01);
  }

  @Test
  void printsWhatItFoundInATable() throws IOException {
    Map<Trial, Outcome> judged = new LinkedHashMap<>();
    for (Method method : Method.values()) {
      double lr = method == Method.STEP ? 1.0 : method.rates().get(1);
      double step = method == Method.STEP ? 0.01 : method == Method.EMA ? -0.01 : 0;
      double wave = method == Method.SWA ? 0.01 : 0;
      double behind = method.isShort() ? 0.1 : 0;
      for (int seed = 1; seed <= 4; seed++) {
        double accuracy = 0.9 + 0.01 * seed + step - behind + (seed % 2 == 0 ? wave : -wave);
        judged.put(
            new Trial(method, lr, method.epochs(20), seed),
            new Outcome(UNKNOWN, new Judged(accuracy, 1)));
      }
    }

    // Steps of 1 from 91 to 94, as in EstimateTest: 92.5 +- 0.65.
    assertThat(
            new GainsTable(ImageParts.digits(), judged)
                .text()
                .replace(System.lineSeparator(), "\n"))
        .isEqualTo(
            """
            Digits: 800 images to train on, 300 to choose rates by, 697 to judge by
            Test accuracy in %, mean +- standard error of 4 seeds

                                   epochs  rate        accuracy  over constant rate
            constant rate              20  0.03   92.50 +- 0.65
            step                       20   1.0*  93.50 +- 0.65       +1.00 +- 0.00  better
            warm-up, cosine            20  0.03   92.50 +- 0.65       +0.00 +- 0.00  no clear difference
            plateau                    20  0.03   92.50 +- 0.65       +0.00 +- 0.00  no clear difference
            SWA                        20  0.03   92.50 +- 1.04       +0.00 +- 0.58  no clear difference
            EMA                        20  0.03   91.50 +- 0.65       -1.00 +- 0.00  worse
            AdamW                      20 0.001   92.50 +- 0.65       +0.00 +- 0.00  no clear difference
            AdamW, warm-up, cosine     20 0.001   92.50 +- 0.65       +0.00 +- 0.00  no clear difference

            constant rate               2  0.03   82.50 +- 0.65
            warm-up, cosine             2  0.03   82.50 +- 0.65       +0.00 +- 0.00  no clear difference
            one-cycle                   2  0.03   82.50 +- 0.65       +0.00 +- 0.00  no clear difference

            Against the constant rate over 20 epochs
            constant rate               2                            -10.00 +- 0.00  worse
            warm-up, cosine             2                            -10.00 +- 0.00  worse
            one-cycle                   2                            -10.00 +- 0.00  worse

            better, worse: by more than 2 standard errors
            *: the lowest or highest rate on offer; others may be better
            """);
  }

  @Test
  void saysWhatIsClear() {
    assertThat(GainsTable.verdict(new Estimate(0.41, 0.2))).isEqualTo("better");
    assertThat(GainsTable.verdict(new Estimate(0.39, 0.2))).isEqualTo("no clear difference");
    assertThat(GainsTable.verdict(new Estimate(-0.39, 0.2))).isEqualTo("no clear difference");
    assertThat(GainsTable.verdict(new Estimate(-0.41, 0.2))).isEqualTo("worse");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "--seeds 1 | --seeds must be >= 2 but was 1",
        "--images 63 | --images must be >= 64 but was 63",
        "--epochs 0 | Invalid value for option '--epochs': must be a whole number > 0 but was '0'"
      })
  void refusesWrongOptionsInOneLine(String args, String message) {
    assertThat(CommandLines.run(Gains.commandLine(), args.split(" ")))
        .isEqualTo(new CommandLines(2, "", "Gains: " + message + "; --help lists the options\n"));
  }

  @Test
  void reportsFilesThatAreNotThereOrMalformedInOneLine() throws IOException {
    String[] args = {"--data", folder.toString(), "--output", folder.toString()};
    Path images = folder.resolve("train-images-idx3-ubyte");
    assertThat(CommandLines.run(Gains.commandLine(), args))
        .isEqualTo(new CommandLines(1, "", "Gains: " + images + "[.gz] does not exist\n"));

    Files.write(images, new byte[3]);
    assertThat(CommandLines.run(Gains.commandLine(), args))
        .isEqualTo(
            new CommandLines(
                1,
                "",
                "Gains: "
                    + images
                    + " must begin with a header of 16 bytes but has only 3 bytes\n"));
  }
}

package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

class TrainDigitsTest {

  private static final int BATCHES = 20;
  private static final int TEST_IMAGES = 320;
  private static final Set<Recipe> STEPPED_BY_EPOCH = Set.of(Recipe.WARMUP_COSINE, Recipe.STEP);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "PLATEAU")
  void updatesUseExactlyTheRatesOfTheSchedule(Recipe recipe) throws IOException {
    CommandLines result = train("--quiet", "--recipe", recipe.toString(), "--epochs", "2");

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    assertThat(result.out())
        .startsWith(
            "Training on 1280 images of digits by recipe "
                + recipe
                + ": 2 epochs of 20 batches\n\n"
                + "              start     lowest    highest   end\n"
                + "learning rate ");
    boolean cycles = recipe == Recipe.ONECYCLE || recipe == Recipe.CYCLIC;
    assertThat(result.out().contains("\nmomentum      ")).isEqualTo(cycles);
    BufferedImage chart = ImageIO.read(folder.resolve("schedule.png").toFile());
    assertThat(chart.getWidth()).isEqualTo(1600);
    assertThat(chart.getHeight()).isEqualTo(cycles ? 1380 : 920);

    ParamGroup group = ParamGroup.sgd(Recipe.LR, Recipe.MOMENTUM);
    LRScheduler run = recipe.schedule(2, BATCHES).attach(ParamGroups.of(group));
    List<String> expected = new ArrayList<>();
    for (int iteration = 0; iteration < 2 * BATCHES; iteration++) {
      if (iteration > 0 && (!STEPPED_BY_EPOCH.contains(recipe) || iteration % BATCHES == 0)) {
        run.step();
      }
      expected.add(group.lr() + "," + group.momentum());
    }
    assertThat(ratesAndMomenta()).isEqualTo(expected);
  }

  @Test
  void plateauHalvesTheRateBetweenEpochs() throws IOException {
    train("--recipe", "plateau", "--quiet");

    double lr = Recipe.LR;
    int reductions = 0;
    List<String> rates = ratesAndMomenta();
    for (int iteration = 0; iteration < rates.size(); iteration++) {
      if (iteration % BATCHES == 0 && rates.get(iteration).equals(lr / 2 + ",0.9")) {
        lr /= 2;
        reductions++;
      }
      assertThat(rates.get(iteration)).as("iteration %d", iteration).isEqualTo(lr + ",0.9");
    }
    assertThat(reductions).isPositive();
  }

  /** With less than half of the default's epochs. */
  @Test
  void readsTheDigitsAndWritesWhatItTrained() throws Exception {
    CommandLines result = train("--epochs", "5");

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    Matcher matcher =
        Pattern.compile(
                """
                Training on 1280 images of digits by recipe onecycle: 5 epochs of 20 batches

                              start     lowest    highest   end
                learning rate 0.004     4.000e-07 0.1       4.000e-07
                momentum      0.95      0.85      0.95      0.95
                loss          .*

                (\\d+) of 320 test images right \\((\\d+\\.\\d) %\\)
                Wrote \\S+schedule.png, \\S+digits.png, \\S+schedule.csv and \\S+model.zip
                """)
            .matcher(result.out());
    assertThat(matcher.matches()).as(result.out()).isTrue();
    int right = Integer.parseInt(matcher.group(1));
    assertThat(right).isGreaterThanOrEqualTo(TEST_IMAGES * 95 / 100);
    assertThat(Double.parseDouble(matcher.group(2)))
        .isCloseTo(100.0 * right / TEST_IMAGES, within(0.051));

    List<String> csv = Files.readAllLines(folder.resolve("schedule.csv"));
    assertThat(csv.get(0)).isEqualTo("iteration,epoch,lr,momentum,loss");
    assertThat(csv).hasSize(1 + 5 * BATCHES);
    for (int iteration = 0; iteration < 5 * BATCHES; iteration++) {
      assertThat(csv.get(1 + iteration)).startsWith(iteration + "," + iteration / BATCHES + ",");
    }

    MultiLayerNetwork net =
        ModelSerializer.restoreMultiLayerNetwork(folder.resolve("model.zip").toFile());
    assertThat(net.getIterationCount()).isEqualTo(5 * BATCHES);
    assertThat(net.getEpochCount()).isEqualTo(5);
    DataSetIterator test = DigitsData.batches(DigitsData.load(1).test(), TEST_IMAGES);
    assertThat(Math.round(net.evaluate(test).accuracy() * TEST_IMAGES)).isEqualTo(right);
    assertFramed(TEST_IMAGES - right);
  }

  /** The wrong images come first, in red frames, and the others in grey ones. */
  private void assertFramed(int wrong) throws IOException {
    BufferedImage picture = ImageIO.read(folder.resolve("digits.png").toFile());
    assertThat(picture.getWidth()).isEqualTo(2 * 792);
    assertThat(picture.getHeight()).isEqualTo(2 * 434);
    for (int place = 0; place < 60; place++) {
      int x = 2 * (12 + 8 + place % 12 * 64);
      int y = 2 * (44 + place / 12 * 78 + 24);
      assertThat(picture.getRGB(x, y) & 0xFFFFFF)
          .as("image %d", place)
          .isEqualTo(place < wrong ? 0xC0392B : 0xD0D0D0);
    }
  }

  @Test
  void oneEpochIsNoPlural() {
    assertThat(train("--epochs", "1").out())
        .startsWith(
            "Training on 1280 images of digits by recipe onecycle: 1 epoch of 20 batches\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "--recipe twocycle | Invalid value for option '--recipe': must be one of onecycle,"
            + " warmup-cosine, step, restarts, cyclic, plateau but was 'twocycle'",
        "--epochs 0 | Invalid value for option '--epochs': must be a whole number > 0 but was '0'",
        "--epochs 1.5 | Invalid value for option '--epochs': must be a whole number > 0 but was"
            + " '1.5'",
        "--seed now | Invalid value for option '--seed': 'now' is not a long",
        "--epoch | Unknown option: '--epoch'"
      })
  void refusesWrongOptionsInOneLine(String args, String message) {
    CommandLines result = train(args.split(" "));

    assertThat(result)
        .isEqualTo(
            new CommandLines(2, "", "TrainDigits: " + message + "; --help lists the options\n"));
  }

  @Test
  void reportsAFolderThatCannotBeWrittenInOneLine() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));

    CommandLines result = CommandLines.run(TrainDigits.commandLine(), "--output", file.toString());

    assertThat(result)
        .isEqualTo(new CommandLines(1, "", "TrainDigits: " + file + " is a file, not a folder\n"));
  }

  private CommandLines train(String... args) {
    List<String> all = new ArrayList<>(List.of("--output", folder.toString()));
    all.addAll(List.of(args));
    return CommandLines.run(TrainDigits.commandLine(), all.toArray(String[]::new));
  }

  /** Returns the columns "lr,momentum". */
  private List<String> ratesAndMomenta() throws IOException {
    return Files.readAllLines(folder.resolve("schedule.csv")).stream()
        .skip(1)
        .map(line -> line.split(","))
        .map(cells -> cells[2] + "," + cells[3])
        .toList();
  }
}

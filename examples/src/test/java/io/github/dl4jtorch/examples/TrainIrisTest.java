package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;

class TrainIrisTest {

  private static final int EPOCHS = 8;
  private static final Set<Recipe> STEPPED_BY_EPOCH = Set.of(Recipe.WARMUP_COSINE, Recipe.STEP);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  void trainsAndWrites(Recipe recipe) throws IOException {
    CommandLines result = train("--recipe", recipe.toString(), "--epochs", "" + EPOCHS);

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    int rows = 120 - recipe.validationRows();
    assertThat(result.out())
        .startsWith(
            "Training on "
                + rows
                + " Iris flowers by recipe "
                + recipe
                + ": 8 epochs of "
                + rows / 12
                + " batches\n\n"
                + "              start     lowest    highest   end\n"
                + "learning rate ")
        .endsWith(
            " of 30 held-out flowers right\nWrote "
                + folder.resolve("schedule.png")
                + ", "
                + folder.resolve("schedule.csv")
                + " and "
                + folder.resolve("model.zip")
                + "\n");
    boolean cycles = recipe == Recipe.ONECYCLE || recipe == Recipe.CYCLIC;
    assertThat(result.out().contains("\nmomentum      ")).isEqualTo(cycles);

    List<String> csv = Files.readAllLines(folder.resolve("schedule.csv"));
    assertThat(csv.get(0)).isEqualTo("iteration,epoch,lr,momentum,loss");
    int batches = rows / 12;
    assertThat(csv).hasSize(1 + EPOCHS * batches);
    for (int iteration = 0; iteration < EPOCHS * batches; iteration++) {
      assertThat(csv.get(1 + iteration)).startsWith(iteration + "," + iteration / batches + ",");
    }

    BufferedImage chart = ImageIO.read(folder.resolve("schedule.png").toFile());
    assertThat(chart.getWidth()).isEqualTo(1600);
    assertThat(chart.getHeight()).isEqualTo(cycles ? 1380 : 920);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "PLATEAU")
  void updatesUseExactlyTheRatesOfTheSchedule(Recipe recipe) throws IOException {
    train("--recipe", recipe.toString(), "--epochs", "" + EPOCHS);

    int batches = 10;
    ParamGroup group = ParamGroup.sgd(Recipe.LR, Recipe.MOMENTUM);
    LRScheduler run = recipe.schedule(EPOCHS, batches).attach(ParamGroups.of(group));
    List<String> expected = new ArrayList<>();
    for (int iteration = 0; iteration < EPOCHS * batches; iteration++) {
      if (iteration > 0 && (!STEPPED_BY_EPOCH.contains(recipe) || iteration % batches == 0)) {
        run.step();
      }
      expected.add(group.lr() + "," + group.momentum());
    }
    assertThat(ratesAndMomenta()).isEqualTo(expected);
  }

  @Test
  void plateauHalvesTheRateBetweenEpochs() throws IOException {
    train("--recipe", "plateau");

    double lr = 0.1;
    int reductions = 0;
    List<String> rates = ratesAndMomenta();
    for (int iteration = 0; iteration < rates.size(); iteration++) {
      if (iteration % 8 == 0 && rates.get(iteration).equals(lr / 2 + ",0.9")) {
        lr /= 2;
        reductions++;
      }
      assertThat(rates.get(iteration)).as("iteration %d", iteration).isEqualTo(lr + ",0.9");
    }
    assertThat(reductions).isPositive();
  }

  @Test
  void defaultRecipeKnowsTheFlowersAndWritesWhatItTrained() throws Exception {
    CommandLines result = train();

    assertThat(result.out())
        .startsWith("Training on 120 Iris flowers by recipe onecycle: 60 epoch");
    int right = right(result.out());
    assertThat(right).isGreaterThanOrEqualTo(28);

    Path file = folder.resolve("model.zip");
    MultiLayerNetwork net = ModelSerializer.restoreMultiLayerNetwork(file.toFile());
    NormalizerStandardize normalizer = ModelSerializer.restoreNormalizerFromFile(file.toFile());
    assertThat(net.getIterationCount()).isEqualTo(600);
    assertThat(net.getEpochCount()).isEqualTo(60);
    IrisData data = IrisData.load(1);
    assertThat(normalizer.getMean()).isEqualTo(data.normalizer().getMean());
    double accuracy = net.evaluate(IrisData.batches(data.heldOut(), 30)).accuracy();
    assertThat(Math.round(accuracy * 30)).isEqualTo(right);
  }

  @Test
  void showsWhatTheScheduleDid() {
    assertThat(train("--epochs", "8").out())
        .contains(
            """

                          start     lowest    highest   end
            learning rate 0.008     8.000e-07 0.2       8.000e-07
            momentum      0.95      0.85      0.95      0.95
            """);
  }

  @Test
  void oneEpochIsNoPlural() {
    assertThat(train("--epochs", "1").out())
        .startsWith("Training on 120 Iris flowers by recipe onecycle: 1 epoch of 10 batches\n");
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
            new CommandLines(2, "", "TrainIris: " + message + "; --help lists the options\n"));
  }

  @Test
  void reportsAFolderThatCannotBeWrittenInOneLine() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));

    CommandLines result =
        CommandLines.run(TrainIris.commandLine(), "--quiet", "--output", file.toString());

    assertThat(result)
        .isEqualTo(new CommandLines(1, "", "TrainIris: " + file + " is a file, not a folder\n"));
  }

  private CommandLines train(String... args) {
    List<String> all = new ArrayList<>(List.of("--quiet", "--output", folder.toString()));
    all.addAll(List.of(args));
    return CommandLines.run(TrainIris.commandLine(), all.toArray(String[]::new));
  }

  private static int right(String out) {
    Matcher matcher = Pattern.compile("(\\d+) of 30 held-out flowers right").matcher(out);
    assertThat(matcher.find()).isTrue();
    return Integer.parseInt(matcher.group(1));
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

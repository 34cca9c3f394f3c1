package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreviewTest {

  @TempDir Path folder;
  private Path json;
  private Path picture;

  @BeforeEach
  void nameFiles() {
    json = folder.resolve("schedule.json");
    picture = folder.resolve("new folder").resolve("curve.png");
  }

  @Test
  void drawsTheRate() throws IOException {
    assertThat(preview("{\"type\": \"StepLR\", \"step_size\": 30}"))
        .isEqualTo(new CommandLines(0, "Wrote " + picture + "\n", ""));
    assertThat(panels()).isEqualTo(1);
  }

  @Test
  void drawsAMomentumThatIsCycledAndSeveralGroups() throws IOException {
    String cyclic =
        "{\"type\": \"CyclicLR\", \"base_lr\": [0.1, 0.2], \"max_lr\": 1, \"step_size_up\": 9}";

    assertThat(preview(cyclic, "--lr", "1,1")).extracting(CommandLines::exitCode).isEqualTo(0);
    assertThat(panels()).isEqualTo(2);
  }

  @Test
  void drawsAPlateauWithoutImprovement() throws IOException {
    assertThat(
            preview(
                "{\"type\": \"ReduceLROnPlateau\", \"factor\": 0.5, \"patience\": 1}",
                "--lr",
                "1",
                "--steps",
                "6",
                "--table"))
        .extracting(CommandLines::out)
        .isEqualTo(
            "Wrote "
                + picture
                + """

                schedule.json
                     step            lr
                        0       1.00000
                        1       1.00000
                        2       1.00000
                        3      0.500000
                        4      0.500000
                        5      0.250000
                """);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'type': 'StepLR', 'step_sze': 3} |: StepLR: unknown key \"step_sze\"; did you mean"
            + " \"step_size\"?",
        "[1] |: a schedule must be a JSON object but was [1]",
        "{type: 1} |: line 1: Unexpected character ('t' (code 116)): was expecting double-quote to"
            + " start field name",
        "{'type': 'CyclicLR', 'base_lr': [1, 2], 'max_lr': 3} |: baseLr must have one entry for"
            + " each of the 1 param groups but has 2",
        "{'type': 'OneCycleLR', 'max_lr': 1, 'total_steps': 50} |: OneCycleLR has 50 steps in all"
            + " and was stepped past them: give as many as the training has batches (or epochs, if"
            + " stepped once an epoch)"
      })
  void reportsWhatCannotBeDrawnInOneLine(String schedule, String message) throws IOException {
    CommandLines result = preview(schedule.replace('\'', '"'));

    assertThat(result).isEqualTo(new CommandLines(1, "", "Preview: " + json + message + "\n"));
    assertThat(picture).doesNotExist();
  }

  @Test
  void reportsAMissingFileAndWrongOptionsInOneLine() {
    assertThat(CommandLines.run(Preview.commandLine(), json.toString()))
        .isEqualTo(new CommandLines(1, "", "Preview: " + json + " does not exist\n"));
    assertThat(CommandLines.run(Preview.commandLine(), json.toString(), "--steps", "-1"))
        .isEqualTo(
            new CommandLines(
                2,
                "",
                "Preview: Invalid value for option '--steps': must be a whole number > 0 but was"
                    + " '-1'; --help lists the options\n"));
    assertThat(CommandLines.run(Preview.commandLine()))
        .isEqualTo(
            new CommandLines(
                2,
                "",
                "Preview: Missing required parameter: '<schedule>'; --help lists the"
                    + " options\n"));
  }

  private static CommandLines run(String... args) {
    return CommandLines.run(Preview.commandLine(), args);
  }

  @Test
  void drawsSchedulesAsInPythonOverEachOther() throws IOException {
    Path csv = folder.resolve("rates.csv");
    assertThat(
            run(
                "torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)",
                "epoch:SequentialLR(optimizer, schedulers=[ConstantLR(factor=0.5, total_iters=1),"
                    + " ExponentialLR(gamma=1e-1)], milestones=[1],)",
                "--lr",
                "1",
                "--batches",
                "3",
                "--epochs",
                "2",
                "--csv",
                csv.toString(),
                "--output",
                picture.toString()))
        .isEqualTo(new CommandLines(0, "Wrote " + picture + "\nWrote " + csv + "\n", ""));
    assertThat(csv)
        .hasContent(
            """
            iteration,epoch,"torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5) \
            lr","torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5) momentum",\
            "SequentialLR(optimizer, schedulers=[ConstantLR(factor=0.5, total_iters=1), \
            ExponentialLR(gamma=1e-1)], milestones=[1],) lr","SequentialLR(optimizer, \
            schedulers=[ConstantLR(factor=0.5, total_iters=1), ExponentialLR(gamma=1e-1)], \
            milestones=[1],) momentum"
            0,0,1.0,0.9,0.5,0.9
            1,0,1.0,0.9,0.5,0.9
            2,0,0.5,0.9,0.5,0.9
            3,1,0.5,0.9,1.0,0.9
            4,1,0.25,0.9,1.0,0.9
            5,1,0.25,0.9,1.0,0.9
            """);
  }

  @Test
  void asksForTheBatchesWhereUnitsAreMixed() {
    assertThat(run("StepLR(step_size=2)", "epoch:StepLR(step_size=2)"))
        .isEqualTo(
            new CommandLines(
                1,
                "",
                "Preview: --batches must be given to draw what is stepped by epochs and what is"
                    + " stepped by iterations over each other\n"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "StepLR(30)|: a schedule must be written like StepLR(step_size=30, gamma=0.1), but instead"
            + " of '=' there is \")\"",
        "StepLR(step_size=x)|: a schedule must be written like StepLR(step_size=30, gamma=0.1), but"
            + " instead of a number, a text in quotes, a list, a schedule, True, False or None there"
            + " is \"x)\"",
        "StepLR(step_size=30))|: a schedule must be written like StepLR(step_size=30, gamma=0.1),"
            + " but instead of nothing more there is \")\"",
        "StepLR(step_sze=30)|: StepLR: unknown key \"step_sze\"; did you mean \"step_size\"?",
        "MultiStepLR(milestones=[3, None])|: a schedule must be written like StepLR(step_size=30,"
            + " gamma=0.1), but instead of an entry that is not None there is \"])\"",
      })
  void saysWhereADefinitionIsWrong(String definition, String message) {
    assertThat(run(definition))
        .isEqualTo(new CommandLines(1, "", "Preview: " + definition + message + "\n"));
  }

  @Test
  void drawsARecipeWithItsGroups() throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        """
        optimizer:
          type: AdamW
          lr: 0.5
          param_groups:
          - {name: head, pattern: out, lr: 1}
          - {name: rest}
        schedule: {type: OneCycleLR, max_lr: [1, 2], total_steps: 2, div_factor: 2}
        step: epoch
        """);
    Path csv = folder.resolve("rates.csv");
    assertThat(
            run(
                recipe.toString(),
                "--batches",
                "2",
                "--epochs",
                "2",
                "--csv",
                csv.toString(),
                "--output",
                picture.toString()))
        .isEqualTo(new CommandLines(0, "Wrote " + picture + "\nWrote " + csv + "\n", ""));
    assertThat(panels()).isEqualTo(2);
    assertThat(Files.readAllLines(csv).subList(0, 2))
        .containsExactly(
            "iteration,epoch,head lr,head momentum,rest lr,rest momentum",
            Files.readAllLines(csv).get(1));
    assertThat(Files.readAllLines(csv)).hasSize(5);
  }

  private String table(String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of("--table", "--output", picture.toString()));
    CommandLines result = run(all.toArray(String[]::new));
    assertThat(result.err()).isEmpty();
    return result.out().replace("Wrote " + picture + "\n", "");
  }

  @Test
  void drawsACheckpointFromWhereItIs() throws IOException {
    MultiLayerNetwork net = SmallNetwork.with(new TorchSGD(0.8));
    LRScheduler run = new StepLR(4, 0.5).attach(NetworkParamGroups.of(net));
    run.skip(6);
    Path checkpoint = folder.resolve("training.zip");
    CheckpointWriter.of(net).with("steps", run).save(checkpoint);
    assertThat(table(checkpoint.toString(), "--steps", "4"))
        .isEqualTo(
            """
            steps
                 step            lr
                    6      0.400000
                    7      0.400000
                    8      0.200000  StepLR
                    9      0.200000
            """);
  }

  @Test
  void drawsAFileOfPyTorchs() throws IOException {
    Path file = folder.resolve("last.pt");
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1, 0.9), ParamGroup.sgd(2, 0.9));
    LRScheduler run = new MultiStepLR(List.of(1, 4, 4), 0.5).attach(groups);
    run.skip(2);
    TorchFile.write(
        file,
        Map.of(
            "lr_scheduler",
            run.stateDict(),
            "optimizer",
            Map.of("param_groups", groups.stateDict(), "state", Map.of())));
    String expected =
        """
        last.pt
             step          lr 0          lr 1
                2      0.500000       1.00000
                3      0.500000       1.00000
                4      0.125000      0.250000  MultiStepLR
        """;
    assertThat(table(file.toString(), "--steps", "3")).isEqualTo(expected);
    TorchFile.write(file, run.stateDict());
    assertThat(table(file.toString(), "--steps", "3")).isEqualTo(expected);
    assertThat(run(file.toString(), "--definition", "MultiStepLR(milestones=[1, 4], gamma=0.5)"))
        .extracting(CommandLines::exitCode)
        .isEqualTo(1);
  }

  @Test
  void tellsPyTorchsSchedulersByTheirStates() {
    for (Schedule schedule :
        List.of(
            new StepLR(3, 0.5),
            new MultiStepLR(List.of(3, 5), 0.5),
            new ConstantLR(0.5, 3),
            new LinearLR(0.5, 0.9, 3),
            new ExponentialLR(0.9),
            new PolynomialLR(9, 2),
            new CosineAnnealingLR(9, 0.1),
            new CosineAnnealingWarmRestarts(9, 2, 0.1),
            ReduceLROnPlateau.builder().factor(0.5).patience(3).minLr(List.of(0.0)).build(),
            new ChainedScheduler(List.of(new ConstantLR(0.5, 3), new ExponentialLR(0.9))),
            new SequentialLR(
                List.of(new LinearLR(0.1, 3), new CosineAnnealingLR(9)), List.of(3)))) {
      LRScheduler run = schedule.attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
      assertThat(TorchStates.definition(run.stateDict()).simulate(run.paramGroups(), 9, i -> 1.0))
          .hasToString(schedule.simulate(run.paramGroups(), 9, i -> 1.0).toString());
    }
    LRScheduler cycle =
        OneCycleLR.builder(1)
            .totalSteps(9)
            .build()
            .attach(ParamGroups.of(ParamGroup.sgd(0.1, 0.9)));
    assertThatThrownBy(() -> TorchStates.definition(cycle.stateDict()))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("its state does not tell which scheduler it is of: say it with --definition");
  }

  private CommandLines preview(String schedule, String... args) throws IOException {
    Files.writeString(json, schedule);
    List<String> all = new ArrayList<>(List.of(json.toString(), "--output", picture.toString()));
    all.addAll(List.of(args));
    return CommandLines.run(Preview.commandLine(), all.toArray(String[]::new));
  }

  private int panels() throws IOException {
    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isEqualTo(1600);
    return image.getHeight() / 460;
  }
}

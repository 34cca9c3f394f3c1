package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
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
    Curve curve =
        Curve.of(
            ReduceLROnPlateau.builder().factor(0.5).patience(1).build(),
            List.of(1.0),
            0.9,
            6,
            step -> 1.0);

    assertThat(curve.lr().get(0).y())
        .containsExactly(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25);
    assertThat(preview("{\"type\": \"ReduceLROnPlateau\"}").exitCode()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'type': 'StepLR', 'step_sze': 3} |: StepLR: unknown key \"step_sze\"; did you mean"
            + " \"step_size\"?",
        "[1] |: a schedule must be a JSON object but was [1]",
        "{type: 1} |, line 1: Unexpected character ('t' (code 116)): was expecting double-quote to"
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
                "Preview: Missing required parameter: '<schedule.json>'; --help lists the"
                    + " options\n"));
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

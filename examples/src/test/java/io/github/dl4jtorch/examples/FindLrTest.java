package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FindLrTest {

  private static final Pattern RESULT =
      Pattern.compile(
          "Diverged at step (\\d+)\nSteepest descent: learning rate (\\S+)\nLongest valley: learning"
              + " rate (\\S+)\nWrote .*\n");

  private static final int STEEPEST = 0x2CA02C;
  private static final int VALLEY = 0x9467BD;

  @TempDir Path folder;

  private static long pixels(BufferedImage image, int colour) {
    long count = 0;
    for (int y = 0; y < image.getHeight() * 3 / 4; y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        count += (image.getRGB(x, y) & 0xFFFFFF) == colour ? 1 : 0;
      }
    }
    return count;
  }

  @Test
  void suggestsARateAndDrawsIt() throws IOException {
    CommandLines result = CommandLines.run(FindLr.commandLine(), "--output", folder.toString());

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    Matcher matcher = RESULT.matcher(result.out());
    assertThat(matcher.matches()).isTrue();
    int divergedAt = Integer.parseInt(matcher.group(1));
    double steepest = Double.parseDouble(matcher.group(2));
    assertThat(steepest).isBetween(0.002, 0.2);
    assertThat(Double.parseDouble(matcher.group(3))).isBetween(0.001, 0.1);

    List<String> lines = Files.readAllLines(folder.resolve("range-test.csv"));
    assertThat(lines).hasSize(divergedAt + 2).startsWith("lr,loss,smoothed loss");
    assertThat(lines.get(1)).startsWith("1.0E-5,");

    BufferedImage image = ImageIO.read(folder.resolve("range-test.png").toFile());
    assertThat(image.getWidth()).isEqualTo(1600);
    assertThat(image.getHeight()).isEqualTo(760);
    assertThat(pixels(image, STEEPEST)).isGreaterThan(100);
    assertThat(pixels(image, VALLEY)).isGreaterThan(100);
  }

  @Test
  void saysWhenThereIsNothingToSuggest() {
    CommandLines result =
        CommandLines.run(
            FindLr.commandLine(),
            "--output",
            folder.toString(),
            "--start-lr",
            "1e30",
            "--end-lr",
            "1e35");

    assertThat(result.err()).isEmpty();
    assertThat(result.out())
        .isEqualTo(
            "Diverged at step 1\nSteepest descent: none, as the loss does not fall\nLongest valley:"
                + " none, as the loss does not fall\nWrote "
                + folder.resolve("range-test.png")
                + " and "
                + folder.resolve("range-test.csv")
                + "\n");
  }

  @Test
  void refusesASweepInOneLine() {
    assertThat(CommandLines.run(FindLr.commandLine(), "--end-lr", "1e-6"))
        .isEqualTo(
            new CommandLines(
                2,
                "",
                "FindLr: endLr must be finite and > startLr = 1.0E-5 but was 1.0E-6; --help lists"
                    + " the options\n"));
  }
}

package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SameCurveTest {

  private static final Pattern RESULT =
      Pattern.compile(
          "\n96 iterations, largest relative deviation from PyTorch's loss (\\S+)\n"
              + "of 261 images held out 96.93 % right, in PyTorch 96.93 %\n");

  @TempDir Path folder;

  @Test
  void trainsAsPyTorchDid() throws IOException {
    Path picture = folder.resolve("new folder").resolve("curve.png");

    CommandLines result = CommandLines.run(SameCurve.commandLine(), "--output", picture.toString());

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    assertThat(result.out()).startsWith("SGD(lr=0.1, ").endsWith("\nWrote " + picture + "\n");
    Matcher matcher = RESULT.matcher(result.out());
    assertThat(matcher.find()).isTrue();
    // Two losses equal to the bit throughout would be one of them drawn twice.
    assertThat(Double.parseDouble(matcher.group(1))).isBetween(1e-16, 1e-10);

    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isEqualTo(1600);
    assertThat(image.getHeight()).isEqualTo(920);
  }

  @Test
  void reportsAFileInPlaceOfTheFolderInOneLine() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));

    CommandLines result =
        CommandLines.run(SameCurve.commandLine(), "--output", file.resolve("curve.png").toString());

    assertThat(result)
        .isEqualTo(new CommandLines(1, "", "SameCurve: " + file + " is a file, not a folder\n"));
  }
}

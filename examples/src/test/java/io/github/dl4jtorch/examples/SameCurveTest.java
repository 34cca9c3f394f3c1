package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.shade.jackson.core.json.JsonReadFeature;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.json.JsonMapper;

class SameCurveTest {

  private static final Pattern RESULT =
      Pattern.compile(
          "\n(\\d+) iterations, largest relative deviation from PyTorch's loss (\\S+)\n");

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
    assertThat(Integer.parseInt(matcher.group(1))).isEqualTo(recordedLosses()).isEqualTo(100);
    assertThat(Double.parseDouble(matcher.group(2))).isBetween(0.0, 1e-10);

    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isEqualTo(1600);
    assertThat(image.getHeight()).isEqualTo(1380);
  }

  @Test
  void reportsAFileInPlaceOfTheFolderInOneLine() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));

    CommandLines result =
        CommandLines.run(SameCurve.commandLine(), "--output", file.resolve("curve.png").toString());

    assertThat(result)
        .isEqualTo(new CommandLines(1, "", "SameCurve: " + file + " is a file, not a folder\n"));
  }

  private static int recordedLosses() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(SameCurve.class.getResourceAsStream(SameCurve.RECORDING))) {
      JsonNode recording =
          JsonMapper.builder()
              .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
              .build()
              .readTree(in);
      return recording.required("loss").size();
    }
  }
}

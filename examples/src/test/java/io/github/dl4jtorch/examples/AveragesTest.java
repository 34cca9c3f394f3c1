package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples with averages: what they tell, and what they draw. */
class AveragesTest {

  private static final Pattern RESULTS =
      Pattern.compile(
          "raw {6}accuracy (\\S+)  loss (\\S+)\naveraged accuracy (\\S+)  loss (\\S+)\n");

  @TempDir private Path folder;

  private interface Example {
    String train(Path picture) throws IOException;
  }

  private void check(Example example) throws IOException {
    Path picture = folder.resolve("new folder").resolve("curves.png");
    String results = example.train(picture).replace(System.lineSeparator(), "\n");
    Matcher matcher = RESULTS.matcher(results);
    assertThat(matcher.matches()).as(results).isTrue();
    for (int kind = 0; kind < 2; kind++) {
      assertThat(Double.parseDouble(matcher.group(2 * kind + 1))).isBetween(0.95, 1.0);
      assertThat(Double.parseDouble(matcher.group(2 * kind + 2))).isBetween(0.01, 0.2);
    }
    assertThat(matcher.group(4)).as("averaged loss").isNotEqualTo(matcher.group(2));

    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isEqualTo(1600);
    assertThat(image.getHeight()).isEqualTo(1380);
    assertThat(pixels(image, 0x1F77B4)).as("raw curves and the rate").isGreaterThan(3000);
    assertThat(pixels(image, 0xD9730D)).as("averaged curves").isGreaterThan(1000);
  }

  private static long pixels(BufferedImage image, int colour) {
    long found = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        found += (image.getRGB(x, y) & 0xFFFFFF) == colour ? 1 : 0;
      }
    }
    return found;
  }

  @Test
  void stochasticWeightAveraging() throws IOException {
    Locale usual = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      check(SwaDigits::train);
    } finally {
      Locale.setDefault(usual);
    }
  }

  @Test
  void exponentialMovingAverage() throws IOException {
    check(EmaDigits::train);
  }
}

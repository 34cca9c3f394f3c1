package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContinueFromPyTorchTest {

  private static final Pattern RESULT =
      Pattern.compile(
          "\n48 iterations from number 48 on, largest relative deviation from PyTorch's loss"
              + " (\\S+)\n");

  @TempDir Path folder;

  @Test
  void goesOnAsPyTorchDid() throws IOException {
    Path picture = folder.resolve("new folder").resolve("curve.png");

    CommandLines result =
        CommandLines.run(ContinueFromPyTorch.commandLine(), "--output", picture.toString());

    assertThat(result.err()).isEmpty();
    assertThat(result.exitCode()).isZero();
    assertThat(result.out())
        .startsWith("applied (")
        .contains("  fc.weight [10, 64] -> fc.W\n")
        .contains("  the optimizer's momentum_buffer -> conv1.W\n")
        .contains("  the network is at iteration 48 and epoch 2\n")
        .endsWith("\nWrote " + picture + "\n");
    Matcher matcher = RESULT.matcher(result.out());
    assertThat(matcher.find()).isTrue();
    assertThat(Double.parseDouble(matcher.group(1))).isBetween(0.0, 1e-10);
    assertThat(ImageIO.read(picture.toFile()).getWidth()).isEqualTo(1600);
  }
}

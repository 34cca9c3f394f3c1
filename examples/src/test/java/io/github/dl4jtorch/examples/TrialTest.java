package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.examples.Trial.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TrialTest {

  @TempDir private static Path folder;

  private static ImageParts images;

  @BeforeAll
  static void read() throws IOException {
    IdxFiles.write(folder, 96, 40);
    images = ImageParts.idx(folder, 64);
  }

  @ParameterizedTest
  @EnumSource
  void givesTheSameForASeedToTheBit(Method method) {
    double lr = method.rates().get(1);
    Outcome once = new Trial(method, lr, 3, 7).run(images, true);

    assertThat(new Trial(method, lr, 3, 7).run(images, true)).isEqualTo(once);
    assertThat(new Trial(method, lr, 3, 8).run(images, true).test().loss())
        .isNotEqualTo(once.test().loss());
    assertThat(once.test().loss()).isBetween(0.0, 5.0);
  }

  @Test
  void learnsTheDigits() throws IOException {
    ImageParts digits = ImageParts.digits();

    Outcome outcome = new Trial(Method.CONSTANT, 0.1, 4, 1).run(digits, true);

    assertThat(outcome.validation().accuracy()).isBetween(0.9, 1.0);
    assertThat(outcome.test().accuracy()).isBetween(0.9, 1.0);
    assertThat(outcome.test().loss()).isBetween(0.0, 0.4);
  }

  @Test
  void looksAtTheTestImagesOnlyToJudge() {
    Outcome judged = new Trial(Method.STEP, 0.1, 1, 1).run(images, true);
    Outcome chosenBy = new Trial(Method.STEP, 0.1, 1, 1).run(images, false);

    assertThat(chosenBy)
        .isEqualTo(new Outcome(judged.validation(), new Judged(Double.NaN, Double.NaN)));
  }

  @ParameterizedTest
  @EnumSource
  void isWorthNothingWhenItDiverges(Method method) {
    Judged nothing = new Judged(0, Double.POSITIVE_INFINITY);

    assertThat(new Trial(method, 1e30, 3, 1).run(images, true))
        .isEqualTo(new Outcome(nothing, nothing));
  }
}

package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

class ImagePartsTest {

  @TempDir private Path folder;

  private static List<String> rows(DataSet images) {
    List<String> rows = new ArrayList<>();
    for (int row = 0; row < images.numExamples(); row++) {
      rows.add(images.getFeatures().getRow(row) + " " + images.getLabels().getRow(row));
    }
    return rows;
  }

  private void refuses(int images, String message) {
    assertThatExceptionOfType(MalformedIdxException.class)
        .isThrownBy(() -> ImageParts.idx(folder, images))
        .withMessage(message);
  }

  private Path write(String name, byte[]... parts) throws IOException {
    return Files.write(folder.resolve(name), IdxFiles.bytes(parts));
  }

  @Test
  void dealsOutEachDigitOnce() throws IOException {
    ImageParts digits = ImageParts.digits();

    assertThat(digits.train().getFeatures().shape()).containsExactly(800, 64);
    assertThat(digits.validation().getFeatures().shape()).containsExactly(300, 64);
    assertThat(digits.test().getFeatures().shape()).containsExactly(697, 64);
    INDArray all =
        Nd4j.vstack(
            digits.train().getFeatures(),
            digits.validation().getFeatures(),
            digits.test().getFeatures());
    DataSet file = DigitsData.inOrder(IntStream.range(0, 1797).toArray());
    // Sixteenths add up without rounding, so that nothing may be there twice or be missing.
    assertThat(all.castTo(file.getFeatures().dataType()).sum(0))
        .isEqualTo(file.getFeatures().reshape(1797, 64).sum(0));
    INDArray labels =
        Nd4j.vstack(
            digits.train().getLabels(), digits.validation().getLabels(), digits.test().getLabels());
    assertThat(labels.sum(0).toDoubleVector())
        .containsExactly(file.getLabels().sum(0).toDoubleVector());
  }

  @Test
  void readsMnistsFiles() throws IOException {
    IdxFiles.write(folder, 96, 20);

    ImageParts parts = ImageParts.idx(folder, 64);

    assertThat(parts.name()).isEqualTo(folder.getFileName().toString());
    assertThat(parts.side()).isEqualTo(6);
    assertThat(parts.train().numExamples()).isEqualTo(64);
    assertThat(parts.validation().numExamples()).isEqualTo(32);
    List<String> trainingFile = new ArrayList<>(rows(parts.train()));
    trainingFile.addAll(rows(parts.validation()));
    assertThat(trainingFile).doesNotHaveDuplicates().hasSize(96);

    byte[] test = Files.readAllBytes(folder.resolve("t10k-images-idx3-ubyte"));
    float[][] pixels = parts.test().getFeatures().toFloatMatrix();
    float[][] labels = parts.test().getLabels().toFloatMatrix();
    for (int image = 0; image < 20; image++) {
      for (int pixel = 0; pixel < 36; pixel++) {
        assertThat(pixels[image][pixel]).isEqualTo((test[16 + 36 * image + pixel] & 0xFF) / 255f);
      }
      float[] expected = new float[10];
      expected[image % 10] = 1;
      assertThat(labels[image]).containsExactly(expected);
    }
  }

  @Test
  void shufflesBatchesBySeed() throws IOException {
    IdxFiles.write(folder, 96, 20);
    ImageParts parts = ImageParts.idx(folder, 64);

    List<DataSet> batches = parts.trainingBatches(30, new Random(1));

    assertThat(batches).hasSize(2);
    List<String> seen = new ArrayList<>();
    batches.forEach(batch -> seen.addAll(rows(batch)));
    assertThat(seen).hasSize(60).doesNotHaveDuplicates().isSubsetOf(rows(parts.train()));
    assertThat(rows(parts.trainingBatches(30, new Random(1)).get(1)))
        .isEqualTo(rows(batches.get(1)));
    assertThat(rows(parts.trainingBatches(30, new Random(2)).get(1)))
        .isNotEqualTo(rows(batches.get(1)));
  }

  @Test
  void refusesTooFewImages() throws IOException {
    IdxFiles.write(folder, 95, 20);
    refuses(64, folder + " must have 96 images to train on and to choose by but has 95");
  }

  @Test
  void refusesLabelsThatDoNotFit() throws IOException {
    IdxFiles.write(folder, 96, 20);
    Path labels = write("t10k-labels-idx1-ubyte", IdxFiles.header(0x801, 19), new byte[19]);
    refuses(64, labels + " must have a label for each of 20 images but has 19");

    byte[] high = new byte[20];
    high[19] = (byte) 200;
    write("t10k-labels-idx1-ubyte", IdxFiles.header(0x801, 20), high);
    refuses(64, labels + " must have labels from 0 to 9 but has 200");
  }

  @Test
  void refusesImagesThatDoNotFit() throws IOException {
    IdxFiles.write(folder, 96, 20);
    Path images = write("t10k-images-idx3-ubyte", IdxFiles.header(0x803, 20, 6, 5), new byte[600]);
    refuses(64, images + " must have square images but has 6 x 5");

    write("t10k-images-idx3-ubyte", IdxFiles.header(0x803, 20, 5, 5), new byte[500]);
    refuses(
        64,
        folder
            + " must have images of one size, but those to train on are 6 pixels wide and those to"
            + " test on 5");
  }
}

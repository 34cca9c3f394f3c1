package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

class DigitsDataTest {

  private static final int IMAGES = 1797;

  private static List<String> images(DataSet data) {
    List<String> images = new ArrayList<>();
    for (int i = 0; i < data.numExamples(); i++) {
      images.add(
          Arrays.toString(data.getFeatures().slice(i).dup().data().asDouble())
              + data.getLabels().slice(i).argMax().getInt());
    }
    return images;
  }

  @Test
  void dealsEveryImageOutOnce() throws IOException {
    DigitsData data = DigitsData.load(3);
    assertThat(data.train().getFeatures().shape()).containsExactly(1280, 1, 8, 8);
    assertThat(data.validation().getFeatures().shape()).containsExactly(197, 1, 8, 8);
    assertThat(data.test().getFeatures().shape()).containsExactly(320, 1, 8, 8);
    assertThat(data.train().getLabels().shape()).containsExactly(1280, 10);
    assertThat(data.train().getFeatures().dataType()).isEqualTo(DataType.FLOAT);
    assertThat(data.train().getLabels().dataType()).isEqualTo(DataType.FLOAT);

    DataSet file = DigitsData.inOrder(IntStream.range(0, IMAGES).toArray());
    List<String> dealt = images(data.train());
    dealt.addAll(images(data.validation()));
    dealt.addAll(images(data.test()));
    assertThat(dealt).containsExactlyInAnyOrderElementsOf(images(file));
  }

  @Test
  void readsPixelsAndDigits() throws IOException {
    DataSet file = DigitsData.inOrder(IntStream.range(0, IMAGES).toArray());
    assertThat(file.getFeatures().dataType()).isEqualTo(DataType.DOUBLE);
    assertThat(file.getFeatures().minNumber().doubleValue()).isZero();
    assertThat(file.getFeatures().maxNumber().doubleValue()).isEqualTo(1);
    // How often each digit is there, as UCI's description has it.
    assertThat(file.getLabels().sum(0).toIntVector())
        .containsExactly(178, 182, 177, 183, 181, 182, 181, 179, 174, 180);

    DataSet two = DigitsData.inOrder(9, 0);
    assertThat(two.getLabels().argMax(1).toIntVector()).containsExactly(9, 0);
    assertThat(two.getFeatures().slice(1).slice(0).getRow(0).toDoubleVector())
        .containsExactly(0, 0, 5 / 16.0, 13 / 16.0, 9 / 16.0, 1 / 16.0, 0, 0);
  }

  @Test
  void shiftsByAPixelAndLeavesTheOriginalAlone() throws IOException {
    DataSet test = DigitsData.load(3).test();
    List<String> before = images(test);
    DataSet shifted = DigitsData.shifted(test, new Random(5));
    assertThat(images(test)).isEqualTo(before);
    assertThat(shifted.getLabels()).isEqualTo(test.getLabels());
    int[] seen = new int[3];
    for (int i = 0; i < test.numExamples(); i++) {
      double[][] from = test.getFeatures().slice(i).slice(0).toDoubleMatrix();
      double[][] to = shifted.getFeatures().slice(i).slice(0).toDoubleMatrix();
      int right = -2;
      boolean isEqual = false;
      while (!isEqual && right < 1) {
        isEqual = Arrays.deepEquals(to, moved(from, ++right));
      }
      assertThat(isEqual).as("image %d", i).isTrue();
      seen[right + 1]++;
    }
    assertThat(Arrays.stream(seen).min().orElseThrow()).isGreaterThan(70);
  }

  private static double[][] moved(double[][] image, int right) {
    double[][] moved = new double[8][8];
    for (int row = 0; row < 8; row++) {
      for (int column = 0; column < 8; column++) {
        int from = column - right;
        moved[row][column] = from < 0 || from > 7 ? 0 : image[row][from];
      }
    }
    return moved;
  }

  @Test
  void dealsBySeed() throws IOException {
    assertThat(images(DigitsData.load(3).test())).isEqualTo(images(DigitsData.load(3).test()));
    assertThat(new TreeSet<>(images(DigitsData.load(4).test())))
        .isNotEqualTo(new TreeSet<>(images(DigitsData.load(3).test())));
  }

  @Test
  void batchesAreTheSameInEachEpoch() throws IOException {
    DataSet test = DigitsData.load(3).test();
    DataSetIterator batches = DigitsData.batches(test, 150);
    for (int epoch = 0; epoch < 2; epoch++) {
      List<Integer> sizes = new ArrayList<>();
      List<String> images = new ArrayList<>();
      while (batches.hasNext()) {
        DataSet batch = batches.next();
        assertThat(batch.getFeatures().rank()).isEqualTo(4);
        sizes.add(batch.numExamples());
        images.addAll(images(batch));
      }
      assertThat(sizes).containsExactly(150, 150, 20);
      assertThat(images).isEqualTo(images(test));
      batches.reset();
    }
  }
}

package io.github.dl4jtorch.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Images of ten classes, one a row of pixels from 0 to 1, in three parts that have none in common.
 *
 * @param name what they show
 * @param side how high and how wide an image is, in pixels
 * @param train to train on
 * @param validation to choose by
 * @param test to judge by
 */
record ImageParts(String name, int side, DataSet train, DataSet validation, DataSet test) {

  static final int CLASSES = 10;

  private static final int DIGITS = 1797;
  private static final int DIGITS_TO_TRAIN = 800;
  private static final int DIGITS_TO_CHOOSE = 300;
  private static final int LARGEST_BYTE = 255;

  /** Which images go where is the same for all. */
  private static final long DEAL = 1;

  /** Deals out the digits: 800 to train on, 300 to choose by, 697 to judge by. */
  static ImageParts digits() throws IOException {
    int[] places = dealt(DIGITS);
    DataSet all = DigitsData.inOrder(places);
    INDArray features =
        all.getFeatures().reshape(DIGITS, DigitsData.SIDE * DigitsData.SIDE).castTo(DataType.FLOAT);
    INDArray labels = all.getLabels().castTo(DataType.FLOAT);
    int chosenBy = DIGITS_TO_TRAIN + DIGITS_TO_CHOOSE;
    return new ImageParts(
        "Digits",
        DigitsData.SIDE,
        rows(features, labels, 0, DIGITS_TO_TRAIN),
        rows(features, labels, DIGITS_TO_TRAIN, chosenBy),
        rows(features, labels, chosenBy, DIGITS));
  }

  /**
   * Reads MNIST, Fashion-MNIST, or what else comes in their four files.
   *
   * @param folder where the files are
   * @param images how many of the training file to train on; half as many others are to choose by,
   *     and the whole test file to judge by
   */
  static ImageParts idx(Path folder, int images) throws IOException {
    Labelled training = Labelled.read(folder, "train");
    Labelled test = Labelled.read(folder, "t10k");
    int side = training.side();
    if (test.side() != side) {
      throw new MalformedIdxException(
          folder
              + " must have images of one size, but those to train on are "
              + side
              + " pixels wide and those to test on "
              + test.side());
    }
    int chosenBy = images + images / 2;
    if (chosenBy > training.count()) {
      throw new MalformedIdxException(
          folder
              + " must have "
              + chosenBy
              + " images to train on and to choose by but has "
              + training.count());
    }
    int[] places = dealt(training.count());
    return new ImageParts(
        folder.toAbsolutePath().normalize().getFileName().toString(),
        side,
        training.pick(Arrays.copyOf(places, images)),
        training.pick(Arrays.copyOfRange(places, images, chosenBy)),
        test.pick(IntStream.range(0, test.count()).toArray()));
  }

  /** Images and their classes as the files have them. */
  private record Labelled(IdxFile images, IdxFile labels) {

    static Labelled read(Path folder, String part) throws IOException {
      Path images = folder.resolve(part + "-images-idx3-ubyte");
      Path labels = folder.resolve(part + "-labels-idx1-ubyte");
      Labelled read = new Labelled(IdxFile.read(images, 3), IdxFile.read(labels, 1));
      int[] shape = read.images.shape();
      if (shape[1] != shape[2]) {
        throw new MalformedIdxException(
            images + " must have square images but has " + shape[1] + " x " + shape[2]);
      }
      if (shape[0] != read.labels.shape()[0]) {
        throw new MalformedIdxException(
            labels
                + " must have a label for each of "
                + shape[0]
                + " images but has "
                + read.labels.shape()[0]);
      }
      for (byte label : read.labels.values()) {
        if (Byte.toUnsignedInt(label) >= CLASSES) {
          throw new MalformedIdxException(
              labels + " must have labels from 0 to 9 but has " + Byte.toUnsignedInt(label));
        }
      }
      return read;
    }

    int count() {
      return images.shape()[0];
    }

    int side() {
      return images.shape()[1];
    }

    DataSet pick(int[] places) {
      int pixels = side() * side();
      float[] features = new float[places.length * pixels];
      float[] classes = new float[places.length * CLASSES];
      for (int row = 0; row < places.length; row++) {
        for (int pixel = 0; pixel < pixels; pixel++) {
          byte value = images.values()[places[row] * pixels + pixel];
          features[row * pixels + pixel] = (float) Byte.toUnsignedInt(value) / LARGEST_BYTE;
        }
        classes[row * CLASSES + labels.values()[places[row]]] = 1;
      }
      return new DataSet(
          Nd4j.create(features, new long[] {places.length, pixels}, 'c'),
          Nd4j.create(classes, new long[] {places.length, CLASSES}, 'c'));
    }
  }

  private static int[] dealt(int count) {
    return shuffled(count, new Random(DEAL));
  }

  private static int[] shuffled(int count, Random random) {
    List<Integer> places = new ArrayList<>(IntStream.range(0, count).boxed().toList());
    Collections.shuffle(places, random);
    return places.stream().mapToInt(Integer::intValue).toArray();
  }

  private static DataSet rows(INDArray features, INDArray labels, int from, int to) {
    int[] places = IntStream.range(from, to).toArray();
    return new DataSet(Nd4j.pullRows(features, 1, places), Nd4j.pullRows(labels, 1, places));
  }

  /**
   * Hands out the images to train on in an order of its own: full batches, what is left over being
   * left out.
   */
  List<DataSet> trainingBatches(int size, Random random) {
    int[] places = shuffled(train.numExamples(), random);
    return IntStream.range(0, places.length / size)
        .mapToObj(
            batch -> {
              int[] rows = Arrays.copyOfRange(places, batch * size, (batch + 1) * size);
              return new DataSet(
                  Nd4j.pullRows(train.getFeatures(), 1, rows),
                  Nd4j.pullRows(train.getLabels(), 1, rows));
            })
        .toList();
  }
}

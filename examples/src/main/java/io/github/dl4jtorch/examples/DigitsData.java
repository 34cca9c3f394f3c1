package io.github.dl4jtorch.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * 1,797 handwritten digits of 8 by 8 pixels (<a
 * href="https://archive.ics.uci.edu/dataset/80">UCI's</a>, by E. Alpaydin and C. Kaynak, 1998, CC
 * BY 4.0), dealt out at random: features are [images, 1, 8, 8] from 0 to 1, labels one-hot.
 *
 * <pre>{@code
 * DigitsData digits = DigitsData.load(1);
 * net.fit(DigitsData.batches(digits.train(), 32), 10);
 * double accuracy = net.evaluate(DigitsData.batches(digits.test(), 320)).accuracy();
 * }</pre>
 *
 * @param train 1,280 images to train on
 * @param validation 197 images by which to choose rates, epochs and networks
 * @param test 320 images by which to judge what was chosen
 */
public record DigitsData(DataSet train, DataSet validation, DataSet test) {

  /** How high and how wide an image is, in pixels. */
  public static final int SIDE = 8;

  /** How many classes there are. */
  public static final int DIGITS = 10;

  private static final int TRAIN = 1280;
  private static final int VALIDATION = 197;
  private static final int PIXELS = SIDE * SIDE;
  private static final double LARGEST_PIXEL = 16;
  private static final String FILE = "/golden/handover/digits.csv.gz";

  /**
   * Reads the images and deals them out, in single precision.
   *
   * @param seed which images go where, and in which order
   * @return the images
   * @throws IOException if they cannot be read
   */
  public static DigitsData load(long seed) throws IOException {
    double[][] rows = read();
    Collections.shuffle(Arrays.asList(rows), new Random(seed));
    return new DigitsData(
        inFloat(dataSet(Arrays.copyOf(rows, TRAIN))),
        inFloat(dataSet(Arrays.copyOfRange(rows, TRAIN, TRAIN + VALIDATION))),
        inFloat(dataSet(Arrays.copyOfRange(rows, TRAIN + VALIDATION, rows.length))));
  }

  /**
   * Reads images by their places in the file, in double precision, as PyTorch's recordings had
   * them.
   *
   * @param places from 0 to 1,796
   * @return these images, in that order
   * @throws IOException if they cannot be read
   */
  public static DataSet inOrder(int... places) throws IOException {
    double[][] rows = read();
    return dataSet(IntStream.of(places).mapToObj(place -> rows[place]).toArray(double[][]::new));
  }

  /**
   * Moves each image by up to a pixel to a side, at random; what leaves is cut off. (A digit fills
   * all eight rows, but seldom all columns.)
   *
   * @param images the images, which stay as they are
   * @param random how far each is moved
   * @return images in single precision, with the same labels
   */
  public static DataSet shifted(DataSet images, Random random) {
    float[] pixels = images.getFeatures().dup('c').data().asFloat();
    float[] shifted = new float[pixels.length];
    for (int image = 0; image < pixels.length; image += PIXELS) {
      int right = random.nextInt(3) - 1;
      for (int row = 0; row < SIDE; row++) {
        for (int column = Math.max(0, right); column < Math.min(SIDE, SIDE + right); column++) {
          shifted[image + row * SIDE + column] =
              pixels[image + row * SIDE + column - right];
        }
      }
    }
    return new DataSet(
        Nd4j.createFromArray(shifted).reshape(images.getFeatures().shape()),
        images.getLabels().dup());
  }

  /**
   * Hands out images in batches, in their own order, the same in each epoch.
   *
   * @param images the images
   * @param size how many a batch; the last has what is left
   * @return the batches
   */
  public static DataSetIterator batches(DataSet images, int size) {
    return new ListDataSetIterator<>(images.batchBy(size), 1);
  }

  /**
   * Returns what a network is told of the images.
   *
   * @return convolutional, 8 by 8 with one channel
   */
  public static InputType inputType() {
    return InputType.convolutional(SIDE, SIDE, 1);
  }

  /** Reads rows of 64 pixels and a digit. */
  private static double[][] read() throws IOException {
    try (InputStream in =
            Objects.requireNonNull(DigitsData.class.getResourceAsStream(FILE), FILE);
        BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(in), StandardCharsets.US_ASCII))) {
      return lines
          .lines()
          .map(line -> Arrays.stream(line.split(",")).mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    }
  }

  private static DataSet dataSet(double[][] rows) {
    double[][] features = new double[rows.length][];
    double[][] labels = new double[rows.length][DIGITS];
    for (int row = 0; row < rows.length; row++) {
      features[row] =
          Arrays.stream(rows[row], 0, PIXELS).map(pixel -> pixel / LARGEST_PIXEL).toArray();
      labels[row][(int) rows[row][PIXELS]] = 1;
    }
    return new DataSet(
        Nd4j.createFromArray(features).reshape(rows.length, 1, SIDE, SIDE),
        Nd4j.createFromArray(labels));
  }

  private static DataSet inFloat(DataSet images) {
    return new DataSet(
        images.getFeatures().castTo(DataType.FLOAT), images.getLabels().castTo(DataType.FLOAT));
  }
}

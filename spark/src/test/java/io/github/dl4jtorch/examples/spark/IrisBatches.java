package io.github.dl4jtorch.examples.spark;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;
import org.nd4j.linalg.factory.Nd4j;

/** Fisher's Iris data, which DL4J carries as a resource, standardised, in batches. */
public final class IrisBatches {

  public static final int FEATURES = 4;
  public static final int SPECIES = 3;

  private IrisBatches() {}

  /** Returns so many batches of so many flowers, in an order that the seed decides. */
  public static List<DataSet> load(int batches, int size, DataType type, int seed)
      throws IOException {
    double[][] rows;
    try (InputStream in =
        Objects.requireNonNull(IrisBatches.class.getResourceAsStream("/iris.dat"), "iris.dat")) {
      rows =
          new String(in.readAllBytes(), StandardCharsets.US_ASCII)
              .lines()
              .map(
                  line -> Arrays.stream(line.split(",")).mapToDouble(Double::parseDouble).toArray())
              .toArray(double[][]::new);
    }
    double[][] features = new double[rows.length][];
    double[][] labels = new double[rows.length][SPECIES];
    for (int row = 0; row < rows.length; row++) {
      features[row] = Arrays.copyOf(rows[row], FEATURES);
      labels[row][(int) rows[row][FEATURES]] = 1;
    }
    DataSet flowers =
        new DataSet(
            Nd4j.createFromArray(features).castTo(type), Nd4j.createFromArray(labels).castTo(type));
    NormalizerStandardize normalizer = new NormalizerStandardize();
    normalizer.fit(flowers);
    normalizer.transform(flowers);
    flowers.shuffle(seed);
    return flowers.batchBy(size).subList(0, batches);
  }
}

package io.github.dl4jtorch.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Of the 150 flowers of Fisher's Iris data, which DL4J carries as a resource, 40 of each species to
 * train on. Features are standardised by their mean and deviation.
 */
record IrisData(DataSet train) {

  static final int FEATURES = 4;
  static final int SPECIES = 3;

  private static final int LEFT_OUT_OF_EACH = 10;

  /** Reads the flowers and deals them out by a seed. */
  static IrisData load(long seed) throws IOException {
    Random random = new Random(seed);
    List<double[]> train = new ArrayList<>();
    for (List<double[]> species : bySpecies().values()) {
      Collections.shuffle(species, random);
      train.addAll(species.subList(LEFT_OUT_OF_EACH, species.size()));
    }
    Collections.shuffle(train, random);

    DataSet flowers = inFloat(dataSet(train));
    NormalizerStandardize normalizer = new NormalizerStandardize();
    normalizer.fit(flowers);
    normalizer.transform(flowers);
    return new IrisData(flowers);
  }

  /** Hands out a data set in batches, in its own order. */
  static DataSetIterator batches(DataSet data, int size) {
    return new ListDataSetIterator<>(data.asList(), size);
  }

  private static Map<Double, List<double[]>> bySpecies() throws IOException {
    return read().stream()
        .collect(Collectors.groupingBy(row -> row[FEATURES], TreeMap::new, Collectors.toList()));
  }

  /** Reads rows of four measures and a species. */
  private static List<double[]> read() throws IOException {
    try (InputStream in =
            Objects.requireNonNull(IrisData.class.getResourceAsStream("/iris.dat"), "iris.dat");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
      return lines
          .lines()
          .map(line -> Arrays.stream(line.split(",")).mapToDouble(Double::parseDouble).toArray())
          .toList();
    }
  }

  private static DataSet inFloat(DataSet data) {
    return new DataSet(
        data.getFeatures().castTo(DataType.FLOAT), data.getLabels().castTo(DataType.FLOAT));
  }

  private static DataSet dataSet(List<double[]> rows) {
    double[][] features = new double[rows.size()][];
    double[][] labels = new double[rows.size()][SPECIES];
    for (int row = 0; row < rows.size(); row++) {
      features[row] = Arrays.copyOf(rows.get(row), FEATURES);
      labels[row][(int) rows.get(row)[FEATURES]] = 1;
    }
    return new DataSet(Nd4j.createFromArray(features), Nd4j.createFromArray(labels));
  }
}

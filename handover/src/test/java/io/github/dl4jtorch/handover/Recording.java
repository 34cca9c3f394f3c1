package io.github.dl4jtorch.handover;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** A training that PyTorch made and recorded: its data, its files and its numbers. */
final class Recording {

  private static final int IMAGES = 1797;
  private static final int DIGITS = 10;
  private static final int SIDE = 8;
  private static final double LARGEST_PIXEL = 16;

  final String name;
  final int epochs;
  final int stoppedAfterEpochs;
  final int microBatches;
  final List<DataSet> batches = new ArrayList<>();
  final DataSet validation;
  private final JsonNode trace;

  /** Reads a recording; for a recurrent network a row of pixels is a step in time. */
  Recording(String name, boolean isRecurrent) {
    this.name = name;
    JsonNode recipe = json(name + "/recipe.json");
    trace = json(name + "/trace.json");
    epochs = recipe.get("epochs").asInt();
    stoppedAfterEpochs = recipe.get("stopped_after_epochs").asInt();
    microBatches = recipe.get("micro_batches").asInt();
    double[][] pixels = new double[IMAGES][];
    int[] digits = new int[IMAGES];
    read(pixels, digits);
    int batch = recipe.get("batch_size").asInt() / microBatches;
    List<Integer> order = new ArrayList<>();
    recipe.get("train_order").forEach(row -> order.add(row.asInt()));
    for (int from = 0; from < order.size(); from += batch) {
      batches.add(pick(pixels, digits, order.subList(from, from + batch), isRecurrent));
    }
    List<Integer> rest = new ArrayList<>();
    recipe.get("validation_order").forEach(row -> rest.add(row.asInt()));
    validation = pick(pixels, digits, rest, isRecurrent);
  }

  private static JsonNode json(String file) {
    try {
      return new ObjectMapper().readTree(Path.of("src/test/resources/handover", file).toFile());
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static void read(double[][] pixels, int[] digits) {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(
                    Files.newInputStream(
                        Path.of("../trainings/src/main/resources/golden/handover/digits.csv.gz"))),
                StandardCharsets.US_ASCII))) {
      for (int row = 0; row < IMAGES; row++) {
        String[] fields = lines.readLine().split(",");
        pixels[row] = new double[SIDE * SIDE];
        for (int i = 0; i < pixels[row].length; i++) {
          pixels[row][i] = Double.parseDouble(fields[i]) / LARGEST_PIXEL;
        }
        digits[row] = (int) Double.parseDouble(fields[SIDE * SIDE]);
      }
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static DataSet pick(
      double[][] pixels, int[] digits, List<Integer> rows, boolean isRecurrent) {
    double[][] features = rows.stream().map(row -> pixels[row]).toArray(double[][]::new);
    double[][] labels = new double[rows.size()][DIGITS];
    for (int i = 0; i < labels.length; i++) {
      labels[i][digits[rows.get(i)]] = 1;
    }
    INDArray images = Nd4j.createFromArray(features);
    return new DataSet(
        isRecurrent
            ? images.reshape('c', rows.size(), SIDE, SIDE).permute(0, 2, 1).dup('c')
            : images.reshape('c', rows.size(), 1, SIDE, SIDE),
        Nd4j.createFromArray(labels));
  }

  Path file(String file) {
    return Path.of("../torch-files/src/test/resources/handover", name, file);
  }

  Dict read(String file) {
    try {
      return TorchFile.read(file(file));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  double loss(int microBatch) {
    return trace.get("loss").get(microBatch).asDouble();
  }

  double gradNorm(int step) {
    return trace.get("grad_norm").get(step).asDouble();
  }

  double lr(int step, int group) {
    return trace.get("lr").get(step).get(group).asDouble();
  }

  double momentum(int step, int group) {
    return trace.get("momentum").get(step).get(group).asDouble();
  }

  double validationLoss(int epoch) {
    return trace.get("validation_loss").get(epoch).asDouble();
  }

  double averagedValidationLoss() {
    return trace.get("averaged_validation_loss").asDouble();
  }

  INDArray logits(String key) {
    double[][] rows = new double[trace.get(key).size()][DIGITS];
    for (int row = 0; row < rows.length; row++) {
      for (int digit = 0; digit < DIGITS; digit++) {
        rows[row][digit] = trace.get(key).get(row).get(digit).asDouble();
      }
    }
    return Nd4j.createFromArray(rows);
  }
}

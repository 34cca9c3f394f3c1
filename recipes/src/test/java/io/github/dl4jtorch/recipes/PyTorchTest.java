package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * The same file drives PyTorch, by the script beside the examples, and gives the same rates and
 * weights. Skipped where there is no Python with PyTorch: on Debian, {@code apt-get install
 * python3-torch python3-yaml}. The system property {@code python} names another.
 */
class PyTorchTest {

  private static final String PYTHON = System.getProperty("python", "/usr/bin/python3");
  private static final int EPOCHS = 5;

  @TempDir Path folder;

  private static String run(String... arguments) {
    List<String> command = new ArrayList<>(List.of(PYTHON, "-W", "ignore"));
    command.addAll(List.of(arguments));
    try {
      ProcessBuilder python = new ProcessBuilder(command).redirectErrorStream(true);
      python.environment().put("PYTHONDONTWRITEBYTECODE", "1");
      Process process = python.start();
      process.getOutputStream().close();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      return process.waitFor() == 0 ? output : "failed: " + output;
    } catch (IOException none) {
      return "failed: " + none.getMessage();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return "failed: interrupted";
    }
  }

  private static MultiLayerConfiguration configuration() {
    return Nets.settings(new Sgd(1))
        .list(
            new DenseLayer.Builder()
                .name("hidden")
                .nIn(3)
                .nOut(4)
                .activation(Activation.TANH)
                .build(),
            new OutputLayer.Builder()
                .name("out")
                .nIn(4)
                .nOut(3)
                .activation(Activation.SOFTMAX)
                .build())
        .build();
  }

  private static final String WARMED_UP_ADAMW =
      """
      optimizer:
        type: AdamW
        lr: 1e-2
        weight_decay: 0.1
        param_groups:
        - {name: no decay, kind: bias, weight_decay: 0}
        - {name: head, pattern: "o*", lr: 5e-2}
        - {name: backbone}
      schedule:
        type: SequentialLR
        schedulers:
        - {type: LinearLR, start_factor: 0.1, total_iters: 4}
        - {type: CosineAnnealingLR, T_max: 20, eta_min: 1e-4}
        milestones: [4]
      step: iteration
      clip_grad_norm: {max_norm: 0.25}
      accumulation: {batches: 2}
      label_smoothing: 0.1
      """;

  private static final String ONE_CYCLE_SGD =
      """
      optimizer:
        type: SGD
        lr: 1
        momentum: 0.9
        nesterov: true
        weight_decay: 5e-4
        param_groups: [{pattern: [hidden, nothing]}, {}]
      schedule: {type: OneCycleLR, max_lr: [0.1, 0.2], total_steps: 30, pct_start: 0.2}
      step: iteration
      clip_grad_value: {clip_value: 0.02}
      """;

  private static final String CHAINED_RMSPROP =
      """
      optimizer: {type: RMSprop, lr: 0.01, momentum: 0.5, centered: true}
      schedule:
        type: ChainedScheduler
        schedulers:
        - {type: StepLR, step_size: 2, gamma: 0.5}
        - {type: LambdaLR, lr_lambda: {table: [1, 0.5, 0.25, 2]}}
      """;

  /** One process for everything: it takes PyTorch seconds to start. */
  @Test
  void oneFileGivesOneCurve() throws IOException {
    List<String> recipes = List.of(WARMED_UP_ADAMW, ONE_CYCLE_SGD, CHAINED_RMSPROP);
    List<String> files = new ArrayList<>();
    for (String yaml : recipes) {
      Path file = folder.resolve(files.size() + ".yaml");
      files.add(Files.writeString(file, yaml).toString());
      Path json = folder.resolve(files.size() + ".json");
      Recipe.fromYaml(yaml).write(json);
      files.add(json.toString());
    }
    Map<String, Object> task =
        Map.of(
            "recipes",
            files,
            "weights",
            weights(Nets.init(configuration())),
            "epochs",
            EPOCHS,
            "batches",
            written(data()));
    Path input = Files.writeString(folder.resolve("task.json"), JsonFile.write(task));
    String output =
        run("src/test/resources/python/train.py", "../examples/src/main/python", input.toString());
    assumeFalse(
        output.contains("Cannot run program") || output.contains("No module named"),
        PYTHON
            + " has no torch or yaml, so the same recipes were not run there;"
            + " apt-get install python3-torch python3-yaml");
    assertThat(output).startsWith("[");
    List<?> torch = (List<?>) JsonFile.read(output).plain();

    for (int i = 0; i < recipes.size(); i++) {
      Map<?, ?> fromYaml = (Map<?, ?>) torch.get(2 * i);
      assertThat(torch.get(2 * i + 1)).isEqualTo(fromYaml);
      RecipeTraining<MultiLayerNetwork> made = Recipe.fromYaml(recipes.get(i)).on(configuration());
      List<List<Double>> rates = new ArrayList<>();
      made.network().addListeners(new Rates(made, rates));
      Map<String, Object> before = weights(made.network());
      made.network().fit(new ExistingDataSetIterator(data()), EPOCHS);

      assertThat(rates).hasSize(i == 0 ? 15 : 30);
      assertSame(rates, fromYaml.get("rates"), "rates of recipe " + i);
      Map<String, Object> after = weights(made.network());
      assertThat(after).isNotEqualTo(before);
      for (Map.Entry<String, Object> entry : after.entrySet()) {
        assertSame(
            entry.getValue(),
            ((Map<?, ?>) fromYaml.get("weights")).get(entry.getKey()),
            entry.getKey() + " of recipe " + i);
      }
    }
  }

  /** Notes the rates of the update that is about to be made. */
  private static final class Rates extends BaseTrainingListener {
    private final RecipeTraining<?> made;
    private final List<List<Double>> rates;
    private List<Double> present;

    Rates(RecipeTraining<?> made, List<List<Double>> rates) {
      this.made = made;
      this.rates = rates;
      this.present = rates();
    }

    private List<Double> rates() {
      return made.groups().stream().map(group -> group.lr()).toList();
    }

    @Override
    public void iterationDone(Model net, int iteration, int epoch) {
      rates.add(present);
      present = rates();
    }

    @Override
    public void onEpochEnd(Model net) {
      present = rates();
    }
  }

  private static void assertSame(Object ours, Object torch, String what) {
    if (ours instanceof List<?> list) {
      assertThat((List<?>) torch).as(what).hasSameSizeAs(list);
      for (int i = 0; i < list.size(); i++) {
        assertSame(list.get(i), ((List<?>) torch).get(i), what + "[" + i + "]");
      }
    } else {
      double expected = ((Number) torch).doubleValue();
      assertThat((Double) ours)
          .as(what)
          .isCloseTo(expected, within(1e-12 * Math.max(1, Math.abs(expected))));
    }
  }

  private static Map<String, Object> weights(MultiLayerNetwork net) {
    Map<String, Object> weights = new LinkedHashMap<>();
    weights.put("hidden.weight", rows(net.getParam("0_W").transpose()));
    weights.put("hidden.bias", numbers(net.getParam("0_b").toDoubleVector()));
    weights.put("out.weight", rows(net.getParam("1_W").transpose()));
    weights.put("out.bias", numbers(net.getParam("1_b").toDoubleVector()));
    return weights;
  }

  private static List<Double> numbers(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static List<List<Double>> rows(INDArray matrix) {
    List<List<Double>> rows = new ArrayList<>();
    for (double[] row : matrix.toDoubleMatrix()) {
      rows.add(numbers(row));
    }
    return rows;
  }

  private static List<DataSet> data() {
    Random random = new Random(3);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      INDArray labels = Nd4j.zeros(DataType.DOUBLE, 4, 3);
      for (int row = 0; row < 4; row++) {
        labels.putScalar(row, random.nextInt(3), 1);
      }
      data.add(new DataSet(Nets.matrix(random, 4, 3, -1, 1), labels));
    }
    return data;
  }

  private static List<Object> written(List<DataSet> data) {
    return data.stream()
        .<Object>map(batch -> List.of(rows(batch.getFeatures()), rows(batch.getLabels())))
        .toList();
  }
}

package io.github.dl4jtorch.swa;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointException;
import io.github.dl4jtorch.fixtures.Golden;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The averages that {@code golden/averages/make.py} made of the weights along a training in
 * PyTorch.
 */
class AveragesGoldenTest {

  private static final double TOLERANCE = 1e-12;
  private static final Map<String, Object> GOLDEN = Golden.object("averages/averages.json");
  private static final List<Map<String, Object>> STATES = list(GOLDEN, "states");

  @TempDir private Path folder;

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> list(Map<String, Object> map, String key) {
    return (List<Map<String, Object>>) map.get(key);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> golden(String key) {
    return (Map<String, Object>) GOLDEN.get(key);
  }

  private static boolean isVariance(String name) {
    return name.endsWith("_var");
  }

  /** Finds a parameter by the number of its layer, which a graph has a name for. */
  private static INDArray param(Model net, String name) {
    String own =
        net instanceof ComputationGraph
            ? name.replace("0_", "a_").replace("1_", "bn_").replace("2_", "out_")
            : name;
    INDArray found = net.paramTable().get(own);
    return found != null ? found : net.paramTable().get(own.replace("_var", "_log10stdev"));
  }

  private static boolean hasLogarithm(Model net) {
    return net.paramTable().keySet().stream().anyMatch(name -> name.endsWith("_log10stdev"));
  }

  private static void set(Model net, Map<String, Object> state) {
    state.forEach(
        (name, values) -> {
          double[] numbers = Golden.numbers(values);
          if (isVariance(name) && hasLogarithm(net)) {
            for (int i = 0; i < numbers.length; i++) {
              numbers[i] = Math.log10(Math.sqrt(numbers[i]));
            }
          }
          INDArray param = param(net, name);
          param.assign(Nd4j.createFromArray(numbers).reshape('c', param.shape()));
        });
  }

  private static void assertIs(Model net, Map<String, Object> expected, String when) {
    expected.forEach(
        (name, values) -> {
          double[] actual = param(net, name).dup('c').ravel().toDoubleVector();
          double[] numbers = Golden.numbers(values);
          assertThat(actual).hasSameSizeAs(numbers);
          for (int i = 0; i < actual.length; i++) {
            double value =
                isVariance(name) && hasLogarithm(net) ? Math.pow(100, actual[i]) : actual[i];
            assertThat(value)
                .as("%s %s[%d]", when, name, i)
                .isCloseTo(numbers[i], within(TOLERANCE * Math.max(1, Math.abs(numbers[i]))));
          }
        });
  }

  private static Averaging emaPytorch() {
    Map<String, Object> given = golden("ema_pytorch");
    return Averaging.emaPytorch()
        .beta(number(given.get("beta")))
        .updateAfterStep((int) number(given.get("update_after_step")))
        .updateEvery((int) number(given.get("update_every")))
        .invGamma(number(given.get("inv_gamma")))
        .power(number(given.get("power")))
        .minValue(number(given.get("min_value")))
        .build();
  }

  private static <N extends Model & NeuralNetwork> void emaPytorch(N net) {
    AveragedModel<N> average = AveragedModel.of(net, emaPytorch());
    int every = average.averaging().interval();
    List<Map<String, Object>> trace = list(golden("ema_pytorch"), "trace");
    assertThat(trace).hasSize(STATES.size() / every);
    for (int step = 0; step < STATES.size(); step += every) {
      set(net, STATES.get(step));
      average.updateParameters(net);
      assertIs((Model) average.network(), trace.get(step / every), "after step " + step);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void emaPytorchsAverage(boolean logarithm) {
    emaPytorch(Nets.layers(logarithm));
    emaPytorch(Nets.graph(logarithm));
  }

  private static <N extends Model & NeuralNetwork> void last(N net, boolean buffers) {
    Map<String, Object> given = golden("last");
    AveragedModel<N> average =
        AveragedModel.of(net, Averaging.last((int) number(given.get("k"))).useBuffers(buffers));
    int every = (int) number(given.get("every"));
    List<Map<String, Object>> trace = list(given, "trace");
    assertThat(trace).hasSize(STATES.size() / every);
    for (int step = 0; step < STATES.size(); step += every) {
      set(net, STATES.get(step));
      average.updateParameters(net);
      Map<String, Object> expected = new LinkedHashMap<>(trace.get(step / every));
      if (!buffers) { // They are copied then.
        expected.put("1_mean", STATES.get(step).get("1_mean"));
        expected.put("1_var", STATES.get(step).get("1_var"));
      }
      assertIs((Model) average.network(), expected, "after step " + step);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theMeanOfTheLast(boolean logarithm) {
    last(Nets.layers(logarithm), false);
    last(Nets.layers(logarithm), true);
    last(Nets.graph(logarithm), true);
  }

  @Test
  void widthsAndExponents() {
    for (Map<String, Object> pair : list(golden("power_ema"), "exponents")) {
      double sigmaRel = number(pair.get("sigma_rel"));
      double gamma = number(pair.get("gamma"));
      PowerProfile profile = PowerProfile.ofSigmaRel(sigmaRel);
      assertThat(profile.gamma()).isCloseTo(gamma, within(TOLERANCE * Math.max(1, gamma)));
      assertThat(profile.sigmaRel()).isCloseTo(sigmaRel, within(1e-15));
    }
    // The paper's own: 6.94 at 0.10 and 16.97 at 0.05.
    assertThat(PowerProfile.ofSigmaRel(0.1).gamma()).isCloseTo(6.94, within(0.005));
    assertThat(PowerProfile.ofSigmaRel(0.05).gamma()).isCloseTo(16.97, within(0.005));
    assertThat(PowerProfile.ofSigmaRel(1e-6).sigmaRel()).isCloseTo(1e-6, within(1e-20));
  }

  /** The inner product is the integral, here a sum over a million moments. */
  @Test
  void innerProductsAreIntegrals() {
    PowerProfile one = new PowerProfile(3);
    PowerProfile other = new PowerProfile(5.5);
    double sum = 0;
    for (int i = 0; i < 1_000_000; i++) {
      double tau = (i + 0.5) * 2 / 1_000_000;
      sum += 4 * Math.pow(tau / 2, 3) / 2 * 6.5 * Math.pow(tau / 3, 5.5) / 3 * 2 / 1_000_000;
    }
    assertThat(one.times(2, other, 3)).isCloseTo(sum, within(1e-10));
    assertThat(other.times(3, one, 2)).isEqualTo(one.times(2, other, 3));
  }

  /** Tracks both widths over the training and saves them as the script does. */
  private <N extends Model & NeuralNetwork> EmaSnapshots track(N net, boolean check)
      throws IOException {
    Map<String, Object> given = golden("power_ema");
    EmaSnapshots snapshots = EmaSnapshots.in(folder.resolve("ema"));
    int every = (int) number(given.get("snapshot_every"));
    List<AveragedModel<N>> averages = new ArrayList<>();
    for (double sigmaRel : Golden.numbers(given.get("sigma_rel"))) {
      averages.add(AveragedModel.of(net, Averaging.powerEma(sigmaRel).useBuffers(true)));
    }
    List<?> trace = (List<?>) given.get("trace");
    for (int step = 0; step < STATES.size(); step++) {
      set(net, STATES.get(step));
      for (int i = 0; i < averages.size(); i++) {
        averages.get(i).updateParameters(net);
        if ((step + 1) % every == 0) {
          snapshots.save(averages.get(i));
          if (check) {
            @SuppressWarnings("unchecked")
            Map<String, Object> expected =
                (Map<String, Object>) ((List<?>) trace.get(step / every)).get(i);
            assertIs((Model) averages.get(i).network(), expected, "after step " + step);
          }
        }
      }
    }
    return snapshots;
  }

  private <N extends Model & NeuralNetwork> void reconstructs(N net) throws IOException {
    EmaSnapshots snapshots = track(net, true);
    double[] before = Nets.params(net);
    for (Map<String, Object> wanted : list(golden("power_ema"), "reconstructed")) {
      @SuppressWarnings("unchecked")
      Map<String, Object> expected =
          new LinkedHashMap<>((Map<String, Object>) wanted.get("average"));
      // A combination of statistics need not be one; they are of the newest snapshot.
      expected.remove("1_mean");
      expected.remove("1_var");
      N made =
          snapshots.reconstruct(
              net, number(wanted.get("sigma_rel")), (long) number(wanted.get("models")));
      assertIs(made, expected, "reconstructed " + wanted.get("sigma_rel"));
      List<?> trace = (List<?>) golden("power_ema").get("trace");
      @SuppressWarnings("unchecked")
      Map<String, Object> newest =
          (Map<String, Object>)
              ((List<?>) trace.get((int) number(wanted.get("models")) / 10 - 1)).get(0);
      assertIs(
          made, Map.of("1_mean", newest.get("1_mean"), "1_var", newest.get("1_var")), "statistics");
    }
    assertThat(Nets.params(net)).isEqualTo(before);
  }

  @Test
  void powerFunctionsAndWhatIsReconstructed() throws IOException {
    reconstructs(Nets.layers(false));
  }

  @Test
  void reconstructsGraphs() throws IOException {
    reconstructs(Nets.graph(true));
  }

  /** What was tracked comes out as it was, and what is between nearly as if it had been tracked. */
  @Test
  void aReconstructionIsNearWhatWouldHaveBeenTracked() throws IOException {
    MultiLayerNetwork net = Nets.layers(false);
    AveragedModel<MultiLayerNetwork> narrow = AveragedModel.of(net, Averaging.powerEma(0.05));
    AveragedModel<MultiLayerNetwork> wide = AveragedModel.of(net, Averaging.powerEma(0.1));
    AveragedModel<MultiLayerNetwork> direct = AveragedModel.of(net, Averaging.powerEma(0.15));
    EmaSnapshots snapshots = EmaSnapshots.in(folder);
    for (int step = 1; step <= 1000; step++) {
      net.params().assign(Math.sin(step / 100.0) + step / 1000.0);
      narrow.updateParameters(net);
      wide.updateParameters(net);
      direct.updateParameters(net);
      if (step % 100 == 0) {
        snapshots.save(narrow);
        snapshots.save(wide);
      }
    }
    double tracked = narrow.network().params().getDouble(0);
    double between = direct.network().params().getDouble(0);
    assertThat(snapshots.reconstruct(net, 0.05).params().getDouble(0))
        .isCloseTo(tracked, within(1e-12));
    double made = snapshots.reconstruct(net, 0.15).params().getDouble(0);
    assertThat(made).isCloseTo(between, within(2e-3)).isNotCloseTo(tracked, within(0.1));
  }

  @Test
  void refusesWhatIsNoSnapshot() throws IOException {
    MultiLayerNetwork net = Nets.layers(false);
    EmaSnapshots snapshots = EmaSnapshots.in(folder.resolve("ema"));
    assertThatThrownBy(() -> snapshots.reconstruct(net, 0.1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "there must be a snapshot to reconstruct an average from, but %s has none",
            folder.resolve("ema"));
    AveragedModel<MultiLayerNetwork> ema = AveragedModel.of(net, Averaging.ema(0.5));
    String notPower =
        "the average must be an Averaging.powerEma(..) but is Averaging[Ema[decay=0.5],"
            + " useBuffers=false]";
    assertThatThrownBy(() -> snapshots.save(ema))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(notPower);
    assertThatThrownBy(() -> AveragingListener.everyEpoch(net, ema).savingTo(snapshots, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(notPower);
    AveragedModel<MultiLayerNetwork> power = AveragedModel.of(net, Averaging.powerEma(0.1));
    assertThatThrownBy(() -> snapshots.save(power))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the average must hold a model before it is saved, but nothing has been averaged yet");
    power.updateParameters(net);
    snapshots.save(power);
    assertThatThrownBy(() -> snapshots.reconstruct(net, 0.1, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("models must be > 0 but was 0");
    assertThat(Nets.params(snapshots.reconstruct(net, 0.1)))
        .containsExactly(Nets.params(net), within(1e-15));

    Path file = folder.resolve("ema/ema-0.1-0000000001.zip");
    assertThatThrownBy(() -> snapshots.reconstruct(Nets.layers(true), 0.1))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "%s: the average must be of the architecture that was saved, but where that has 1_var"
                + " [4], it has 1_log10stdev [4]",
            file);
    Path other = folder.resolve("ema/ema-0.1-0000000002.zip");
    Files.copy(file, other);
    assertThatThrownBy(() -> snapshots.reconstruct(net, 0.1))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("%s: its name says another width or moment than it has", other);
    Files.delete(other);
    Path strange = folder.resolve("ema/ema-wide-0000000002.zip");
    Files.copy(file, strange);
    assertThatThrownBy(() -> snapshots.reconstruct(net, 0.1))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("%s must have the name of a snapshot: For input string: \"wide\"", strange);
    Files.delete(strange);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
    assertThatThrownBy(() -> snapshots.reconstruct(net, 0.1))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "%s cannot be loaded: its checksum is wrong, so it is damaged or was changed", file);
    try (Stream<Path> files = Files.list(folder.resolve("ema"))) {
      assertThat(files).containsExactly(file); // Nothing temporary is left.
    }
  }
}

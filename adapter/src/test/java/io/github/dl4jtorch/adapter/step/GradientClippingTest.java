package io.github.dl4jtorch.adapter.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.BooleanIndexing;
import org.nd4j.linalg.indexing.conditions.Conditions;
import org.nd4j.linalg.learning.config.Sgd;

class GradientClippingTest {

  /** Five examples, so that DL4J's gradients are five times PyTorch's. */
  static final DataSet BATCH = DataSet.merge(Nets.data(5));

  /** Three layers with a batch normalization, whose statistics move by more than its gradients. */
  static MultiLayerNetwork normalized() {
    return Nets.init(
        Nets.settings(new Sgd(1))
            .list(
                Nets.dense(Nets.INPUTS, 4),
                new TorchBatchNormalization.Builder().nIn(4).nOut(4).build(),
                Nets.output(4))
            .build());
  }

  /** Returns how far one update at a rate of 1 moves the parameters, which is the gradient. */
  static INDArray step(Model net, DataSet batch) {
    INDArray before = net.params().dup();
    Nets.fit(net, List.of(batch));
    return before.sub(net.params());
  }

  private static final int STATISTICS = 8;
  private static final int OUTPUT = 10;

  /** Leaves the statistics out, which stand before the output layer. */
  private static INDArray gradients(INDArray step) {
    long end = step.length() - OUTPUT;
    INDArray gradients = step.dup();
    for (long i = end - STATISTICS; i < end; i++) {
      gradients.putScalar(i, 0);
    }
    return gradients;
  }

  private static double norm(INDArray array, double p) {
    double[] values = array.toDoubleVector();
    if (p == Double.POSITIVE_INFINITY) {
      return Arrays.stream(values).map(Math::abs).max().orElseThrow();
    }
    double sum = Arrays.stream(values).map(value -> Math.pow(Math.abs(value), p)).sum();
    return Math.pow(sum, 1 / p);
  }

  private static void assertClose(INDArray actual, INDArray expected) {
    assertThat(actual.toDoubleVector()).containsExactly(expected.toDoubleVector(), within(1e-13));
  }

  @ParameterizedTest
  @ValueSource(doubles = {1, 2, 2.5, Double.POSITIVE_INFINITY})
  void clipsTheNormOfTheMeanGradientWithoutStatistics(double p) {
    INDArray raw = step(normalized(), BATCH);
    INDArray gradients = gradients(raw);
    double total = norm(gradients, p);
    assertThat(total).isGreaterThan(1);
    MultiLayerNetwork net = normalized();
    GradientClipping clipping = GradientClipping.norm(0.5).withNormType(p);
    assertThat(clipping.lastNorm()).isNaN();
    net.addListeners(clipping);
    INDArray clipped = step(net, BATCH);
    assertThat(clipping.lastNorm()).isCloseTo(total, within(1e-13 * total));
    assertClose(gradients(clipped), gradients.mul(0.5 / (total + 1e-6)));
    assertClose(clipped.sub(gradients(clipped)), raw.sub(gradients));
  }

  @Test
  void leavesASmallGradientAsItIsToTheBit() {
    INDArray raw = step(normalized(), BATCH);
    MultiLayerNetwork net = normalized();
    GradientClipping clipping = GradientClipping.norm(Double.POSITIVE_INFINITY);
    net.addListeners(clipping);
    assertThat(step(net, BATCH).toDoubleVector()).containsExactly(raw.toDoubleVector());
    assertThat(clipping.lastNorm()).isCloseTo(norm(gradients(raw), 2), within(1e-13));
  }

  @Test
  void clipsValues() {
    INDArray raw = step(normalized(), BATCH);
    INDArray expected = gradients(raw);
    BooleanIndexing.replaceWhere(expected, 0.25, Conditions.greaterThan(0.25));
    BooleanIndexing.replaceWhere(expected, -0.25, Conditions.lessThan(-0.25));
    MultiLayerNetwork net = normalized();
    net.addListeners(GradientClipping.value(0.25));
    INDArray clipped = step(net, BATCH);
    assertClose(gradients(clipped), expected);
    assertClose(clipped.sub(gradients(clipped)), raw.sub(gradients(raw)));
  }

  @Test
  void clipsGroupsOneByOne() {
    INDArray raw = step(Nets.graph(new Sgd(1)), BATCH);
    var net = Nets.graph(new Sgd(1));
    NetworkParamGroups groups =
        NetworkParamGroups.of(
            net,
            NetworkParam.inLayers("a"),
            NetworkParam.inLayers("b"),
            NetworkParam.inLayers("out"));
    GradientClipping first = GradientClipping.norm(0.5).on(groups.params(0)::contains);
    GradientClipping last = GradientClipping.norm(0.25).on(groups.params(2)::contains);
    net.addListeners(first, last);
    INDArray clipped = step(net, BATCH);
    INDArray a = part(raw, 0, 16);
    INDArray out = part(raw, 36, 46);
    assertThat(first.lastNorm()).isCloseTo(norm(a, 2), within(1e-13));
    assertThat(last.lastNorm()).isCloseTo(norm(out, 2), within(1e-13));
    assertClose(part(clipped, 0, 16), a.mul(Math.min(1, 0.5 / (norm(a, 2) + 1e-6))));
    assertThat(part(clipped, 16, 36).toDoubleVector())
        .containsExactly(part(raw, 16, 36).toDoubleVector());
    assertClose(part(clipped, 36, 46), out.mul(Math.min(1, 0.25 / (norm(out, 2) + 1e-6))));
  }

  private static INDArray part(INDArray array, int from, int to) {
    return Nd4j.createFromArray(Arrays.copyOfRange(array.toDoubleVector(), from, to));
  }

  @Test
  void countsWhatIsTrainedOnly() {
    MultiLayerNetwork frozen =
        Nets.init(
            Nets.settings(new Sgd(1))
                .list(new FrozenLayer(Nets.dense(Nets.INPUTS, 4)), Nets.dense(4, 4), Nets.output(4))
                .build());
    MultiLayerNetwork groupless = Nets.init(Nets.layersConfiguration(new Sgd(1)));
    NetworkParamGroups.builder(groupless)
        .group(NetworkParam.inLayers("layer1", "layer2"))
        .frozen(NetworkParam.inLayers("layer0"))
        .build();
    for (MultiLayerNetwork net : List.of(frozen, groupless)) {
      GradientClipping clipping = GradientClipping.norm(Double.POSITIVE_INFINITY);
      net.addListeners(clipping);
      INDArray step = step(net, BATCH);
      assertThat(norm(part(step, 0, 16), 2)).isZero();
      assertThat(clipping.lastNorm()).isCloseTo(norm(step, 2), within(1e-13));
    }
  }

  @Test
  void refusesANormThatIsNotFiniteIfAsked() {
    DataSet broken = BATCH.copy();
    broken.getFeatures().putScalar(0, Double.POSITIVE_INFINITY);
    MultiLayerNetwork strict = normalized();
    double[] before = Nets.params(strict);
    strict.addListeners(GradientClipping.norm(1).errorIfNonfinite());
    assertThatThrownBy(() -> strict.fit(broken))
        .isInstanceOf(ArithmeticException.class)
        .hasMessage("the total norm of the gradients must be finite to be clipped but was NaN");
    assertThat(Nets.params(strict)).containsExactly(before);
    MultiLayerNetwork lax = normalized();
    GradientClipping clipping = GradientClipping.norm(1);
    lax.addListeners(clipping);
    lax.fit(broken);
    assertThat(clipping.lastNorm()).isNaN();
    assertThat(lax.getParam("2_b").toDoubleVector()).containsOnly(Double.NaN);
  }

  @Test
  void isNotedByTheMonitor(@TempDir Path folder) throws IOException {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.5));
    GradientClipping clipping = GradientClipping.norm(1);
    LearningRateMonitor monitor =
        LearningRateMonitor.everyIteration(net).withColumn("grad_norm", clipping::lastNorm);
    net.addListeners(monitor, clipping);
    double[] norms = new double[20];
    List<DataSet> data = Nets.data(20);
    for (int i = 0; i < norms.length; i++) {
      net.fit(data.get(i));
      norms[i] = clipping.lastNorm();
    }
    assertThat(monitor.column("grad_norm")).containsExactly(norms);
    monitor.writeCsv(folder.resolve("rates.csv"));
    List<String> lines = Files.readAllLines(folder.resolve("rates.csv"));
    assertThat(lines.get(0)).isEqualTo("iteration,epoch,all lr,all momentum,grad_norm");
    assertThat(lines.get(20)).isEqualTo("19,0,0.5,," + norms[19]);
    assertThatThrownBy(() -> monitor.column("norm"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must be one of [grad_norm] but was norm");
    assertThatThrownBy(() -> monitor.withColumn("grad_norm", clipping::lastNorm))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must not be given twice but was grad_norm");
  }

  @Test
  void refusesArgumentsOutOfRange() {
    assertThatThrownBy(() -> GradientClipping.norm(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("maxNorm must be > 0 but was 0.0");
    assertThatThrownBy(() -> GradientClipping.norm(Double.NaN))
        .hasMessage("maxNorm must be > 0 but was NaN");
    assertThatThrownBy(() -> GradientClipping.value(Double.POSITIVE_INFINITY))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("clipValue must be finite and > 0 but was Infinity");
    assertThatThrownBy(() -> GradientClipping.norm(1).withNormType(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("normType must be > 0 but was -1.0");
    GradientClipping byValue = GradientClipping.value(1);
    String message = "() is of GradientClipping.norm(..), but this clips by value, without a norm";
    assertThatThrownBy(() -> byValue.withNormType(2).lastNorm())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("withNormType" + message);
    assertThatThrownBy(() -> byValue.errorIfNonfinite().lastNorm())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("errorIfNonfinite" + message);
    assertThatThrownBy(byValue::lastNorm)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("lastNorm" + message);
  }

  @Test
  void refusesWhatItCannotBeRightFor() throws InterruptedException {
    MultiLayerNetwork net = Nets.layers(new Sgd(1));
    net.addListeners(GradientClipping.norm(1).on(NetworkParam.inLayers("none")));
    assertThatThrownBy(() -> net.fit(BATCH))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the predicate must take a parameter that is trained, but takes none of [layer0.W,"
                + " layer0.b, layer1.W, layer1.b, layer2.W, layer2.b]");
    GradientClipping shared = GradientClipping.norm(1);
    MultiLayerNetwork first = Nets.layers(new Sgd(1));
    MultiLayerNetwork second = Nets.layers(new Sgd(1));
    first.addListeners(shared);
    second.addListeners(shared);
    first.fit(BATCH);
    assertThatThrownBy(() -> second.fit(BATCH))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "a GradientClipping must be added only to one network, but was called for a copy or"
                + " another; make one for each");
    assertThat(inWorker(() -> first.fit(BATCH)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "ParallelWrapper trains copies of the network, each with a part of the gradients, whose"
                + " norm says nothing of the whole: clip without it, or set gradientNormalization"
                + " in the configuration, by which DL4J clips layer by layer in each copy");
  }

  /** Returns what is thrown in a thread that is named like those of ParallelWrapper. */
  static Throwable inWorker(Runnable training) throws InterruptedException {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread worker = new Thread(training, "ParallelWrapper training thread 0");
    worker.setUncaughtExceptionHandler((thread, failure) -> thrown.set(failure));
    worker.start();
    worker.join();
    return thrown.get();
  }

  @Test
  void saysWhyItDoesNotGoToSpark() {
    assertThatThrownBy(
            () ->
                new ObjectOutputStream(new ByteArrayOutputStream())
                    .writeObject(GradientClipping.norm(1)))
        .isInstanceOf(NotSerializableException.class)
        .hasMessage(
            "a GradientClipping clips only the gradients of a network that trains in this JVM; each"
                + " of Spark's workers has a part of them, whose norm says nothing of the whole:"
                + " set gradientNormalization in the configuration, by which DL4J clips layer by"
                + " layer");
  }
}

package io.github.dl4jtorch.handover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchFileException;
import io.github.dl4jtorch.files.TorchTensor;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.EpochFunction;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Files that were damaged, by accident or on purpose, are refused in words that name the file, with
 * everything as it was, or are taken over whole.
 */
class DamageTest {

  private static final long SEED = 20_261_122;

  @TempDir Path folder;

  private int refused;
  private int taken;

  @Test
  void fourHundredDamages() throws IOException {
    damage(400);
  }

  @Test
  @Tag("long")
  void twentyThousandDamages() throws IOException {
    damage(20_000);
  }

  /** A training with all that a file may have something for. */
  private abstract static class Target<N extends NeuralNetwork> {
    final Recording recording;
    final N net;
    final NetworkParamGroups groups;
    final LRScheduler run;
    final TorchTraining training;
    LRScheduler swalr;
    AveragedModel<N> average;

    Target(Recording recording, N net, NetworkParamGroups groups, LRScheduler run) {
      this.recording = recording;
      this.net = net;
      this.groups = groups;
      this.run = run;
      this.training = TorchTraining.of(net).with(run).batchesPerEpoch(24);
    }

    void with(AveragedModel<N> given) {
      average = given;
      training.with(given);
    }

    abstract INDArray updaterState();

    abstract int[] counts();

    /** Returns a copy of all that a file may change. */
    List<Object> state() {
      List<Object> state = new ArrayList<>();
      state.add(net.params().dup());
      state.add(updaterState().dup());
      for (int count : counts()) {
        state.add(count);
      }
      state.add(groups.stateDict());
      for (int i = 0; i < groups.size(); i++) {
        state.add(groups.weightDecay(i));
      }
      state.add(run.stateDict());
      if (swalr != null) {
        state.add(swalr.stateDict());
      }
      if (average != null) {
        state.add(average.nAveraged());
        state.add(average.network().params().dup());
      }
      return state;
    }
  }

  private static final class Layers extends Target<MultiLayerNetwork> {
    Layers(Recording recording, MultiLayerNetwork net, NetworkParamGroups groups, LRScheduler run) {
      super(recording, net, groups, run);
    }

    @Override
    INDArray updaterState() {
      return net.updaterState();
    }

    @Override
    int[] counts() {
      return new int[] {net.getIterationCount(), net.getEpochCount()};
    }
  }

  private static final class Graph extends Target<ComputationGraph> {
    Graph(Recording recording, ComputationGraph net, NetworkParamGroups groups, LRScheduler run) {
      super(recording, net, groups, run);
    }

    @Override
    INDArray updaterState() {
      return net.updaterState();
    }

    @Override
    int[] counts() {
      return new int[] {net.getIterationCount(), net.getEpochCount()};
    }
  }

  private static List<Target<?>> targets() {
    MultiLayerNetwork cycled =
        Networks.cnn(Networks.all(new TorchSGD(0.1).withNesterovMomentum(0.9), 5e-4));
    NetworkParamGroups groups = NetworkParamGroups.of(cycled);
    Layers oneCycle =
        new Layers(
            new Recording("cnn_onecycle", false),
            cycled,
            groups,
            OneCycleLR.builder(0.2).totalSteps(96).build().attach(groups));

    MultiLayerNetwork tuned = Networks.cnn(Networks.matrices(new TorchAdamW(3e-3), 0.05));
    groups = NetworkParamGroups.weightsAndBiases(tuned);
    Layers fineTune =
        new Layers(
            new Recording("cnn_finetune", false),
            tuned,
            groups,
            new LambdaLR(EpochFunction.exponential(0.9)).attach(groups));
    fineTune.with(AveragedModel.of(tuned, Averaging.ema(0.98).useBuffers(true)));

    MultiLayerNetwork recurrent = Networks.lstm(Networks.all(new TorchAdam(0.01), 0));
    groups = TorchGroups.of(recurrent);
    Layers plateau =
        new Layers(
            new Recording("lstm_plateau", true),
            recurrent,
            groups,
            ReduceLROnPlateau.builder()
                .factor(0.3)
                .patience(0)
                .threshold(0.05, ReduceLROnPlateau.ThresholdMode.REL)
                .build()
                .attach(groups));

    ComputationGraph residual =
        Networks.resnet(Networks.all(new TorchSGD(0.1).withMomentum(0.9), 1e-4));
    groups = NetworkParamGroups.of(residual);
    Graph swa =
        new Graph(
            new Recording("resnet_swa", false),
            residual,
            groups,
            new CosineAnnealingLR(8).attach(groups));
    swa.with(AveragedModel.of(residual, Averaging.equal()));
    swa.swalr = new SWALR(0.05, 2, AnnealStrategy.COS).attach(groups);
    swa.training.with("swa_scheduler", swa.swalr);
    return List.of(oneCycle, fineTune, plateau, swa);
  }

  private void damage(int times) throws IOException {
    List<Target<?>> targets = targets();
    Map<Target<?>, List<Object>> whole = new LinkedHashMap<>();
    for (Target<?> target : targets) {
      target.training.load(target.recording.file("half.pt"));
      whole.put(target, target.state());
    }
    for (int i = 0; i < times; i++) {
      Random random = new Random(SEED + i);
      Target<?> target = targets.get(random.nextInt(targets.size()));
      check(target, whole.get(target), random, "seed " + (SEED + i));
    }
    // Both happen, so both are tested.
    assertThat(refused).isGreaterThan(times / 3);
    assertThat(taken).isGreaterThan(times / 20);
  }

  private void check(Target<?> target, List<Object> whole, Random random, String as)
      throws IOException {
    Path file = folder.resolve("damaged.pt");
    boolean isWithin = random.nextInt(4) > 0;
    if (isWithin) {
      Object copy = copy(target.recording.read("half.pt"));
      for (int i = random.nextInt(3); i >= 0; i--) {
        damageWithin(copy, random);
      }
      TorchFile.write(file, copy);
    } else {
      Files.write(file, damaged(Files.readAllBytes(target.recording.file("half.pt")), random));
    }
    List<Object> before = target.state();
    String refusal = null;
    try {
      target.training.load(file);
    } catch (TorchFileException | HandoverException known) {
      refusal = known.getMessage();
    } catch (Throwable other) {
      throw new AssertionError(as, other);
    }
    if (refusal != null) {
      refused++;
      assertThat(refusal).as(as).matches("(?s).*damaged.pt cannot be .{10,}");
      assertThat(target.state()).as(as).isEqualTo(before);
    } else {
      taken++;
      assertThat(Tensors.isFinite(target.net.params())).as(as).isTrue();
      assertThat(Tensors.isFinite(target.updaterState())).as(as).isTrue();
      for (ParamGroup group : target.groups) {
        assertThat(group.lr()).as(as).isBetween(0.0, Double.MAX_VALUE);
      }
      if (!isWithin) { // What was damaged is of no meaning, as all else has checksums.
        assertThat(target.state()).as(as).isEqualTo(whole);
      }
      target.training.load(target.recording.file("half.pt"));
      assertThat(target.state()).as(as).isEqualTo(whole);
    }
  }

  private static Object copy(Object value) {
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((key, of) -> copy.put(key, copy(of)));
      return copy;
    }
    if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>();
      list.forEach(of -> copy.add(copy(of)));
      return copy;
    }
    return value;
  }

  /** Changes one value somewhere, or takes one away, or adds one. */
  @SuppressWarnings("unchecked")
  private static void damageWithin(Object root, Random random) {
    Object at = root;
    while (true) {
      List<Object> children = new ArrayList<>();
      if (at instanceof Map<?, ?> map) {
        map.values().stream().filter(DamageTest::hasChildren).forEach(children::add);
      } else {
        ((List<?>) at).stream().filter(DamageTest::hasChildren).forEach(children::add);
      }
      if (children.isEmpty() || random.nextInt(4) == 0) {
        break;
      }
      at = children.get(random.nextInt(children.size()));
    }
    if (at instanceof List<?>) {
      List<Object> list = (List<Object>) at;
      int index = random.nextInt(list.size());
      switch (random.nextInt(4)) {
        case 0 -> list.remove(index);
        case 1 -> list.add(index, list.get(random.nextInt(list.size())));
        case 2 -> list.set(index, list.get(random.nextInt(list.size())));
        default -> list.set(index, junk(list.get(index), random));
      }
      return;
    }
    Map<Object, Object> map = (Map<Object, Object>) at;
    List<Object> keys = new ArrayList<>(map.keySet());
    Object key = keys.get(random.nextInt(keys.size()));
    Object other = keys.get(random.nextInt(keys.size()));
    switch (random.nextInt(6)) {
      case 0 -> map.remove(key);
      case 1 -> map.put(key, map.get(other));
      case 2 ->
          map.put(key instanceof Long number ? (Object) (number + 100) : key + "x", map.get(key));
      case 3 -> map.put(key, null);
      default -> map.put(key, junk(map.get(key), random));
    }
  }

  private static boolean hasChildren(Object value) {
    return value instanceof Map<?, ?> map
        ? !map.isEmpty()
        : value instanceof List<?> list && !list.isEmpty();
  }

  private static Object junk(Object present, Random random) {
    if (present instanceof TorchTensor tensor && random.nextInt(2) == 0) {
      double[] values = tensor.toDoubleArray();
      if (values.length > 0) {
        values[random.nextInt(values.length)] =
            new double[] {Double.NaN, Double.POSITIVE_INFINITY, -1e300, 1e-300, 0.5}
                [random.nextInt(5)];
      }
      return TorchTensor.of(values, tensor.shape());
    }
    return switch (random.nextInt(16)) {
      case 0 -> "a text";
      case 1 -> -1L;
      case 2 -> Long.MAX_VALUE;
      case 3 -> 1e308;
      case 4 -> Double.NaN;
      case 5 -> Double.NEGATIVE_INFINITY;
      case 6 -> true;
      case 7 -> new ArrayList<>();
      case 8 -> new LinkedHashMap<>();
      case 9 -> TorchTensor.of(new double[0], 0);
      case 10 -> TorchTensor.of(new long[] {3});
      case 11 -> new ArrayList<>(List.of(1L, 2L, 3L));
      case 12 -> 3L;
      case 13 -> 0.25;
      case 14 -> TorchTensor.of(new float[6], 2, 3);
      default -> new ArrayList<>(List.of(new ArrayList<>(), "b"));
    };
  }

  /** Damages a file without looking what is where. */
  private static byte[] damaged(byte[] whole, Random random) {
    byte[] bytes = whole.clone();
    int near = Math.min(bytes.length, 2_000);
    int at =
        switch (random.nextInt(3)) {
          case 0 -> random.nextInt(near);
          case 1 -> bytes.length - 1 - random.nextInt(near);
          default -> random.nextInt(bytes.length);
        };
    switch (random.nextInt(4)) {
      case 0 -> {
        return Arrays.copyOf(bytes, at);
      }
      case 1 -> {
        return Arrays.copyOfRange(bytes, at, bytes.length);
      }
      case 2 -> {
        for (int i = at; i < Math.min(bytes.length, at + 8); i++) {
          bytes[i] = (byte) random.nextInt();
        }
      }
      default -> bytes[at] ^= (byte) (1 << random.nextInt(8));
    }
    return bytes;
  }
}

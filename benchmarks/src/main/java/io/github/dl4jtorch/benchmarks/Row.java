package io.github.dl4jtorch.benchmarks;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One line of the table: something of this project beside what a user would do otherwise.
 *
 * @param name what is measured
 * @param ours how it is measured here
 * @param rivalName who it stands beside, or null if only the time counts
 * @param rival how that is measured, or null
 * @param target what the ratio should be at most, NaN if nothing was promised
 * @param isQuick whether it belongs to the quick table
 */
record Row(
    String name,
    Contender ours,
    @Nullable String rivalName,
    @Nullable Contender rival,
    double target,
    boolean isQuick) {

  private static final List<String> SCHEDULES =
      List.of("STEP", "COSINE", "CYCLIC", "SEQUENTIAL", "CHAINED");

  /** What torch 1.13 does not have. */
  private static final Set<UpdaterBenchmark.Kind> NOT_IN_TORCH =
      EnumSet.of(
          UpdaterBenchmark.Kind.LION,
          UpdaterBenchmark.Kind.SGD_SCHEDULE_FREE,
          UpdaterBenchmark.Kind.ADAMW_SCHEDULE_FREE,
          UpdaterBenchmark.Kind.ADAFACTOR,
          UpdaterBenchmark.Kind.MUON);

  /** How a time is taken. */
  sealed interface Contender {}

  /**
   * A benchmark of JMH.
   *
   * @param method class and method
   * @param params what its parameters are
   */
  record Jmh(String method, Map<String, String> params) implements Contender {}

  /**
   * A line of torch_times.py.
   *
   * @param name what it is called there
   */
  record Torch(String name) implements Contender {}

  static List<Row> all() {
    List<Row> rows = new ArrayList<>();
    for (int groups : new int[] {1, 100}) {
      for (String schedule : SCHEDULES) {
        rows.add(
            new Row(
                "step(), " + schedule + ", " + groups + (groups == 1 ? " group" : " groups"),
                new Jmh("StepBenchmark.step", Map.of("kind", schedule, "groups", "" + groups)),
                "PyTorch",
                new Torch("step-" + schedule + "-" + groups),
                Double.NaN,
                schedule.equals("COSINE") || schedule.equals("CYCLIC")));
      }
    }
    for (int layers : new int[] {1, 10, 100}) {
      Map<String, String> params = Map.of("layers", "" + layers);
      rows.add(
          new Row(
              "push into " + layers + (layers == 1 ? " layer" : " layers"),
              new Jmh("PushBenchmark.push", params),
              "net.setLearningRate",
              new Jmh("PushBenchmark.setLearningRate", params),
              Double.NaN,
              layers == 10));
    }
    for (String order : List.of("inOrder", "anywhere", "inFourThreads")) {
      rows.add(
          beside("valueAt, " + order, "ValueAtBenchmark." + order, "DL4J's StepSchedule", 1.0 / 3));
    }
    rows.add(
        new Row(
            "first access to the last of a million steps",
            new Jmh("ValueAtBenchmark.firstFarAccess", Map.of("side", "TORCH")),
            null,
            null,
            Double.NaN,
            true));
    rows.add(
        beside(
            "reading a configuration of 100 layers",
            "ConfigurationBenchmark.read",
            "StepSchedule",
            1.1));
    rows.add(
        new Row(
            "average of 25M, with its check for NaN",
            new Jmh("AveragingBenchmark.update", Map.of()),
            "PyTorch",
            new Torch("average-25000000"),
            0.8,
            true));
    rows.add(
        new Row(
            "average of 25M, with its check for NaN",
            new Jmh("AveragingBenchmark.update", Map.of()),
            "ND4J's plain copy",
            new Jmh("AveragingBenchmark.copy", Map.of()),
            Double.NaN,
            false));
    rows.add(
        new Row(
            "update_bn",
            new Jmh("AveragingBenchmark.updateBn", Map.of()),
            "forward pass in training",
            new Jmh("AveragingBenchmark.forwardInTraining", Map.of()),
            1.05,
            false));
    for (FitBenchmark.Around around : FitBenchmark.Around.values()) {
      if (around != FitBenchmark.Around.NOTHING) {
        rows.add(
            new Row(
                "an iteration with " + around,
                new Jmh("FitBenchmark.fit", Map.of("around", around.name())),
                "without",
                new Jmh("FitBenchmark.fit", Map.of("around", "NOTHING")),
                around == FitBenchmark.Around.EMA ? 1.05 : 1.01,
                around == FitBenchmark.Around.CLIPPING));
      }
    }
    for (UpdaterBenchmark.Kind kind : UpdaterBenchmark.Kind.values()) {
      Jmh ours = new Jmh("UpdaterBenchmark.update", Map.of("kind", kind.name(), "side", "TORCH"));
      rows.add(
          new Row(
              "update of 25M, " + kind,
              ours,
              "DL4J's nearest",
              new Jmh("UpdaterBenchmark.update", Map.of("kind", kind.name(), "side", "DL4J")),
              1.05,
              kind == UpdaterBenchmark.Kind.ADAM));
      if (!NOT_IN_TORCH.contains(kind)) {
        rows.add(
            new Row(
                "update of 25M, " + kind,
                ours,
                "PyTorch",
                new Torch("update-" + kind),
                1.05,
                false));
      }
    }
    rows.add(saving("checkpoint, saved", "save", "plain write, forced", "plainWrite", 1.2));
    rows.add(saving("checkpoint, saved", "save", "ModelSerializer", "modelSerializer", Double.NaN));
    rows.add(
        saving("checkpoint in the background", "stallInBackground", "saved at once", "save", 0.1));
    rows.add(
        saving(
            "checkpoint, restored",
            "restore",
            "ModelSerializer",
            "modelSerializerRestore",
            Double.NaN));
    rows.add(
        new Row(
            "first step of a fresh JVM",
            new Jmh("StartBenchmark.first", Map.of()),
            null,
            null,
            Double.NaN,
            true));
    return rows;
  }

  private static Row beside(String name, String method, String rivalName, double target) {
    return new Row(
        name,
        new Jmh(method, Map.of("side", "TORCH")),
        rivalName,
        new Jmh(method, Map.of("side", "DL4J")),
        target,
        true);
  }

  private static Row saving(
      String name, String method, String rivalName, String rivalMethod, double target) {
    return new Row(
        name,
        new Jmh("CheckpointBenchmark." + method, Map.of()),
        rivalName,
        new Jmh("CheckpointBenchmark." + rivalMethod, Map.of()),
        target,
        false);
  }
}

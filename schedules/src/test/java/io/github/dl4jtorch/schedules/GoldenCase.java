package io.github.dl4jtorch.schedules;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.type.TypeReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One recorded run of PyTorch, from golden/schedulers. */
record GoldenCase(
    String id,
    Optimizer optimizer,
    List<Map<String, Object>> schedulers,
    @JsonProperty("last_epoch") @Nullable Integer lastEpoch,
    @JsonProperty("groups_at_resume") @Nullable List<Map<String, Object>> groupsAtResume,
    List<@Nullable Double> calls,
    List<List<Double>> lr,
    @Nullable List<List<Double>> momentum,
    @Nullable List<Edit> edits,
    @Nullable State state) {

  /** What was recorded of several schedulers, beside one file for each of PyTorch's. */
  private static final List<String> ACROSS =
      List.of(
          "several", "external_edit", "resume_last_epoch", "step_to_epoch", "fractional_restarts");

  /** The types of which PyTorch has nothing to record; they have tests of their own. */
  static final Set<String> NOT_PYTORCHS = Set.of("WarmupLR");

  /** The names of the recordings. */
  static List<String> families() {
    List<String> families = new ArrayList<>(Specimens.types());
    families.removeAll(NOT_PYTORCHS);
    families.removeIf(type -> type.contains(".")); // FamiliesGoldenTest has other libraries'.
    families.addAll(ACROSS);
    return families;
  }

  static boolean isRecorded(String family) {
    return GoldenCase.class.getResource(resource(family)) != null;
  }

  record Optimizer(
      String type, @JsonProperty("param_groups") List<Map<String, Double>> paramGroups) {}

  record Edit(@JsonProperty("after_call") int afterCall, int group, double lr) {}

  record State(int after, List<Map<String, Object>> groups, List<Map<String, Object>> schedulers) {}

  static List<GoldenCase> read(String family) {
    return Json.readResource(resource(family), new TypeReference<>() {});
  }

  private static String resource(String family) {
    return "/golden/schedulers/" + family + ".json";
  }

  /** The optimizer as it is before any scheduler is attached. */
  ParamGroups freshGroups() {
    List<ParamGroup> groups = new ArrayList<>();
    for (Map<String, Double> group : optimizer.paramGroups()) {
      double lr = group.get("lr");
      groups.add(
          optimizer.type().equals("Adam")
              ? ParamGroup.adam(lr, 0.9)
              : ParamGroup.sgd(lr, group.get("momentum")));
    }
    ParamGroups fresh = ParamGroups.of(groups);
    if (groupsAtResume != null) {
      fresh.loadStateDict(groupsAtResume);
    }
    return fresh;
  }

  List<LRScheduler> attach(ParamGroups groups) {
    int from = lastEpoch == null ? -1 : lastEpoch;
    return schedulers.stream().map(map -> Schedule.fromMap(map).attach(groups, from)).toList();
  }

  /** Steps every scheduler as call number {@code call} did, then makes the edits that followed. */
  void step(List<LRScheduler> runs, ParamGroups groups, int call) {
    Double argument = calls.get(call);
    boolean besidePlateau =
        runs.size() > 1 && runs.stream().anyMatch(run -> run.schedule().needsMetric());
    for (LRScheduler run : runs) {
      boolean takesArgument = !besidePlateau || run.schedule().needsMetric();
      if (argument == null || !takesArgument) {
        run.step();
      } else {
        run.step(argument);
      }
    }
    if (edits != null) {
      for (Edit edit : edits) {
        if (edit.afterCall() == call) {
          groups.get(edit.group()).setLr(edit.lr());
        }
      }
    }
  }

  @Override
  public String toString() {
    return id;
  }
}

package io.github.dl4jtorch.recipes;

import static java.util.Objects.requireNonNull;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.internal.Decay;
import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.LrCell;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.TorchBatchNormalization;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.adapter.step.AccumulatedGradients;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ISchedule;

/** Reads from a network what a recipe says. */
final class RecipeOfNetwork {

  private static final List<List<String>> KINDS =
      List.of(
          List.of(),
          List.of("weight"),
          List.of("bias"),
          List.of("normalization"),
          List.of("bias", "normalization"),
          List.of("weight", "bias"),
          List.of("weight", "normalization"));

  /** A parameter and what updates it. */
  private record Param(NetworkParam named, UpdaterBlocks.Param updated) {

    TorchUpdater updater() {
      if (updated.updater() instanceof TorchUpdater updater) {
        ISchedule schedule = updater.learningRateSchedule();
        if (schedule != null && !(schedule instanceof LrCell)) {
          throw unwritable(
              "the rate of " + named + " must be set by a listener but is " + schedule);
        }
        if (updater.maximizes()) {
          throw unwritable("the updater of " + named + " must not maximize but does: " + updater);
        }
        return updater;
      }
      throw unwritable(
          "the updater of "
              + named
              + " must be one of io.github.dl4jtorch.adapter.optim but is "
              + updated.updater().getClass().getSimpleName());
    }

    double weightDecay() {
      return Decay.of(updated.config().getRegularizationByParam(named.name()), 0, 0);
    }

    boolean isDecoupled() {
      return Decay.has(updated.config().getRegularizationByParam(named.name()), WeightDecay.class);
    }

    /** DL4J decays nothing of its own batch normalization, whatever it is told. */
    boolean canDecay() {
      return !(updated.config() instanceof BatchNormalization)
          || updated.config() instanceof TorchBatchNormalization;
    }
  }

  private final NeuralNetwork net;
  private final List<Param> params = new ArrayList<>();
  private final Map<String, Object> recipe = new LinkedHashMap<>();
  private @Nullable SchedulerListener scheduler;
  private @Nullable NetworkParamGroups groups;

  private RecipeOfNetwork(NeuralNetwork net) {
    this.net = net;
  }

  static Recipe read(NeuralNetwork net) {
    try {
      return new RecipeOfNetwork(net).read();
    } catch (UnsupportedOperationException | RecipeException unwritten) {
      throw unwritable(String.valueOf(unwritten.getMessage()));
    }
  }

  private Recipe read() {
    LiveNetwork live = LiveNetwork.of(net, "its recipe is written");
    List<UpdaterBlocks.Param> updated = UpdaterBlocks.seen(live.model()).params();
    List<NetworkParam> named = NetworkParam.of(net);
    for (int i = 0; i < named.size(); i++) {
      if (updated.get(i).updater() instanceof FrozenUpdater) {
        throw unwritable(named.get(i) + " must not be frozen but is");
      }
      if (updated.get(i).hasRate()) {
        params.add(new Param(named.get(i), updated.get(i)));
      }
    }
    live.listeners().forEach(this::read);
    Map<String, Object> whole = new LinkedHashMap<>();
    whole.put("optimizer", optimizer());
    if (scheduler != null) {
      whole.put("schedule", scheduler.run().schedule().toMap());
      whole.put("step", scheduler.needsIterations() ? "iteration" : "epoch");
    }
    whole.putAll(recipe);
    double smoothing = OutputLosses.smoothing(net);
    if (!Double.isNaN(smoothing)) {
      whole.put("label_smoothing", smoothing);
    }
    return Recipe.fromMap(whole);
  }

  private void read(TrainingListener listener) {
    if (listener instanceof SchedulerListener other) {
      scheduled(other);
    } else if (listener instanceof GradientClipping clipping) {
      Map<String, Object> settings = clipping.settings();
      once(settings.containsKey("max_norm") ? "clip_grad_norm" : "clip_grad_value", settings);
    } else if (listener instanceof AccumulatedGradients gradients) {
      once("accumulation", gradients.settings());
    } else if (listener instanceof AveragingListener<?> averages) {
      Map<?, ?> values = averages.values();
      averaging().putAll(text(map(map(values, "average"), "averaging")));
      policy(map(map(values, "listener"), "policy"));
    } else if (listener instanceof SwalrListener swalr) {
      swalr.before().ifPresent(this::scheduled);
      policy(map(swalr.values(), "policy"));
    }
  }

  private void scheduled(SchedulerListener listener) {
    if (scheduler != null) {
      throw unwritable("one listener must step the rates, but there are several");
    }
    if (listener.interval() != 1) {
      throw unwritable(
          "a schedule must be stepped every time, but is every " + listener.interval());
    }
    scheduler = listener;
    groups = (NetworkParamGroups) listener.run().paramGroups();
  }

  private void once(String key, Map<String, Object> settings) {
    if (recipe.put(key, settings) != null) {
      throw unwritable("there must be one " + key + " but there are several");
    }
  }

  @SuppressWarnings("unchecked") // As it is made here.
  private Map<String, Object> averaging() {
    return (Map<String, Object>)
        recipe.computeIfAbsent("averaging", key -> new LinkedHashMap<String, Object>());
  }

  /** Takes when an average is updated, which is also when SWALR takes over. */
  private void policy(Map<?, ?> policy) {
    Map<String, Object> renamed = text(policy);
    renamed.put("step", renamed.remove("unit"));
    if (averaging().containsKey("update_every")) {
      renamed.remove("interval"); // Which that is.
    }
    renamed.forEach(
        (key, value) -> {
          Object other = averaging().put(key, value);
          if (other != null && !other.equals(value)) {
            throw unwritable(
                "averaging and SWALR must have the same "
                    + key
                    + " but have "
                    + other
                    + " and "
                    + value);
          }
        });
  }

  private static Map<?, ?> map(Map<?, ?> values, String key) {
    return (Map<?, ?>) requireNonNull(values.get(key), key);
  }

  private static Map<String, Object> text(Map<?, ?> map) {
    Map<String, Object> text = new LinkedHashMap<>();
    map.forEach((key, value) -> text.put((String) key, value));
    return text;
  }

  private Map<String, Object> optimizer() {
    if (params.isEmpty()) {
      throw unwritable("a parameter must have a learning rate, but none has");
    }
    List<List<Param>> chosen = new ArrayList<>();
    Map<NetworkParam, Param> byName = new HashMap<>();
    params.forEach(param -> byName.put(param.named(), param));
    NetworkParamGroups all = groups;
    if (all == null) {
      chosen.add(params);
    } else {
      for (int group = 0; group < all.size(); group++) {
        chosen.add(all.params(group).stream().map(byName::get).toList());
      }
    }
    if (chosen.stream().mapToInt(List::size).sum() < params.size()) {
      throw unwritable(
          "every parameter must be in a param group of the run, but it drives only "
              + chosen.stream().flatMap(List::stream).map(Param::named).toList());
    }
    List<Map<String, Object>> written = new ArrayList<>();
    for (int group = 0; group < chosen.size(); group++) {
      written.add(group(chosen.get(group), all == null ? null : all.get(group)));
    }
    Map<String, Object> optimizer = new LinkedHashMap<>(written.get(written.size() - 1));
    optimizer.putIfAbsent("weight_decay", 0.0);
    if (chosen.size() > 1 || (all != null && all.isNamed(0))) {
      optimizer.put("param_groups", paramGroups(chosen, written, optimizer));
    }
    if (Words.OPTIMIZER.keys().getOrDefault(optimizer.get("type"), List.of()).stream()
        .anyMatch(key -> key.name().equals("decoupled_weight_decay"))) {
      optimizer.put("decoupled_weight_decay", params.stream().anyMatch(Param::isDecoupled));
    }
    return optimizer;
  }

  /** Returns what an optimizer of a group alone would be. */
  private static Map<String, Object> group(List<Param> params, @Nullable ParamGroup group) {
    Map<String, Object> written = new LinkedHashMap<>();
    for (Param param : params) {
      Map<String, Object> own = Optimizers.written(param.updater());
      own.put(
          "lr",
          group == null
              ? param.updater().getLearningRate(0, 0)
              : group.initialLr().orElse(group.lr()));
      if (param.canDecay()) {
        own.put("weight_decay", param.weightDecay());
      }
      own.forEach(
          (key, value) -> {
            Object other = written.put(key, value);
            if (other != null && !other.equals(value)) {
              throw unwritable(
                  "a param group must have one "
                      + key
                      + " but has "
                      + other
                      + " and, of "
                      + param.named()
                      + ", "
                      + value);
            }
          });
    }
    return written;
  }

  private List<Map<String, Object>> paramGroups(
      List<List<Param>> chosen, List<Map<String, Object>> written, Map<String, Object> optimizer) {
    List<Map<String, Object>> groupsInWords = new ArrayList<>();
    List<NetworkParam> left = new ArrayList<>(params.stream().map(Param::named).toList());
    for (int i = 0; i < chosen.size(); i++) {
      Map<String, Object> group = new LinkedHashMap<>();
      if (requireNonNull(groups).isNamed(i)) {
        group.put("name", groups.name(i));
      }
      List<NetworkParam> own = chosen.get(i).stream().map(Param::named).toList();
      GroupSelection selection = selection(own, left);
      if (!selection.patterns().isEmpty()) {
        group.put("pattern", selection.patterns());
      }
      if (!selection.kinds().isEmpty()) {
        group.put("kind", selection.kinds());
      }
      left.removeAll(own);
      written
          .get(i)
          .forEach(
              (key, value) -> {
                if (!value.equals(optimizer.get(key))) {
                  if (!List.of("lr", "momentum", "weight_decay").contains(key)) {
                    throw unwritable(
                        "param groups must have the same "
                            + key
                            + " but have "
                            + value
                            + " and "
                            + optimizer.get(key));
                  }
                  group.put(key, value);
                }
              });
      groupsInWords.add(group);
    }
    return groupsInWords;
  }

  /** Finds the first words that select these of what is left. */
  private static GroupSelection selection(List<NetworkParam> own, List<NetworkParam> left) {
    Set<String> layers = new LinkedHashSet<>();
    own.forEach(param -> layers.add(param.layer()));
    for (List<String> patterns : List.of(List.<String>of(), List.copyOf(layers))) {
      for (List<String> kinds : KINDS) {
        GroupSelection selection = new GroupSelection(patterns, kinds);
        if (left.stream().filter(selection).toList().equals(own)) {
          return selection;
        }
      }
    }
    throw unwritable("no layers and kinds of parameters select " + own + " alone");
  }

  private static IllegalStateException unwritable(String what) {
    return new IllegalStateException("no recipe can say this: " + what);
  }
}

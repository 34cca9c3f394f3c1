package io.github.dl4jtorch.recipes;

import static java.util.Objects.requireNonNull;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.step.AccumulatedGradients;
import io.github.dl4jtorch.adapter.step.GradientAccumulation;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import org.deeplearning4j.earlystopping.scorecalc.ScoreCalculator;
import org.deeplearning4j.earlystopping.termination.EpochTerminationCondition;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.termination.ScoreImprovementEpochTerminationCondition;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;

/** Puts a recipe on a network. */
final class RecipeOnNetwork<N extends Model & NeuralNetwork> {

  private final Part recipe;
  private final N net;
  private final @Nullable ScoreCalculator<? extends Model> metric;

  private RecipeOnNetwork(Part recipe, N net, @Nullable ScoreCalculator<? extends Model> metric) {
    this.recipe = recipe;
    this.net = net;
    this.metric = metric;
  }

  /** Puts a recipe on a network that nobody has seen yet. */
  static <N extends Model & NeuralNetwork> RecipeTraining<N> put(
      Part recipe, N net, @Nullable ScoreCalculator<? extends Model> metric) {
    return new RecipeOnNetwork<>(recipe, net, metric).put();
  }

  /** Puts a recipe on a network that is to stay as it is if anything is refused. */
  static <N extends Model & NeuralNetwork> RecipeTraining<N> tried(
      Part recipe, N net, @Nullable ScoreCalculator<? extends Model> metric) {
    requireNoneBefore(LiveNetwork.of(net, "a recipe is put on it").listeners());
    put(recipe, NetworkCopy.withoutUpdaterState(net), metric);
    return put(recipe, net, metric);
  }

  private static void requireNoneBefore(Collection<TrainingListener> listeners) {
    for (TrainingListener listener : listeners) {
      if (listener instanceof SchedulerListener
          || listener instanceof SwalrListener
          || listener instanceof AveragingListener
          || listener instanceof GradientClipping
          || listener instanceof AccumulatedGradients) {
        throw new IllegalStateException(
            "the network must not have a "
                + listener.getClass().getSimpleName()
                + " before a recipe is put on it: take it away with setListeners(..)");
      }
    }
  }

  private RecipeTraining<N> put() {
    Part optimizer = requireNonNull(recipe.part("optimizer"));
    OutputLosses.smooth(OutputLosses.layers(net), recipe);
    Optimizers.optimizer(optimizer, Optimizers.updater(optimizer, optimizer.number("lr")))
        .applyTo(net);
    NetworkParamGroups groups = groups(optimizer);
    AccumulatedGradients gradients = gradients();
    GradientClipping clipping = clipping();
    SchedulerListener scheduler = scheduler(groups);
    Part averaging = recipe.part("averaging");
    AveragedModel<N> average = null;
    AveragingListener<N> averages = null;
    SwalrListener swalr = null;
    if (averaging != null) {
      average = AveragedModel.of(net, averaging(averaging));
      averages = averages(averaging, average);
      swalr = swalr(averaging, groups, scheduler);
    }
    List<TrainingListener> listeners = new ArrayList<>();
    add(listeners, clipping);
    add(listeners, swalr == null ? scheduler : swalr);
    add(listeners, averages);
    net.addListeners(listeners.toArray(TrainingListener[]::new));
    return new RecipeTraining<>(
        net,
        groups,
        Optional.ofNullable(scheduler).map(SchedulerListener::run),
        Optional.ofNullable(gradients),
        Optional.ofNullable(clipping),
        Optional.ofNullable(swalr),
        Optional.ofNullable(average),
        Optional.ofNullable(averages),
        terminations());
  }

  private static void add(List<TrainingListener> listeners, @Nullable TrainingListener listener) {
    if (listener != null) {
      listeners.add(listener);
    }
  }

  private NetworkParamGroups groups(Part optimizer) {
    List<Part> parts = optimizer.parts("param_groups");
    NetworkParamGroups.Builder builder = NetworkParamGroups.builder(net);
    List<Predicate<NetworkParam>> firsts =
        GroupSelection.firsts(parts.stream().map(GroupSelection::of).toList());
    for (int i = 0; i < parts.size(); i++) {
      Part part = parts.get(i);
      if (part.has("name")) {
        builder.group(part.text("name"), firsts.get(i));
      } else {
        builder.group(firsts.get(i));
      }
      builder.lr(part.number("lr", optimizer.number("lr")));
      if (part.has("momentum")) {
        builder.momentum(part.number("momentum"));
      }
      double weightDecay = part.number("weight_decay", optimizer.number("weight_decay"));
      if (weightDecay != Optimizers.layerDecay(optimizer)) {
        builder.weightDecay(weightDecay);
      }
    }
    return builder.build();
  }

  private @Nullable AccumulatedGradients gradients() {
    Part part = recipe.part("accumulation");
    if (part == null) {
      return null;
    }
    GradientAccumulation accumulation =
        GradientAccumulation.over(part.whole("batches"))
            .withRemainder(
                GradientAccumulation.Remainder.valueOf(
                    part.text("remainder").toUpperCase(Locale.ROOT)));
    return (part.flag("summed") ? accumulation.summed() : accumulation).attach(net);
  }

  private @Nullable GradientClipping clipping() {
    Part value = recipe.part("clip_grad_value");
    if (value != null) {
      return GradientClipping.value(value.number("clip_value"));
    }
    Part norm = recipe.part("clip_grad_norm");
    if (norm == null) {
      return null;
    }
    GradientClipping clipping =
        GradientClipping.norm(norm.number("max_norm")).withNormType(norm.number("norm_type"));
    return norm.flag("error_if_nonfinite") ? clipping.errorIfNonfinite() : clipping;
  }

  private @Nullable SchedulerListener scheduler(NetworkParamGroups groups) {
    if (!recipe.has("schedule")) {
      return null;
    }
    Schedule schedule = (Schedule) recipe.get("schedule");
    boolean isByEpoch = recipe.text("step").equals("epoch");
    if (!schedule.needsMetric()) {
      LRScheduler run = schedule.attach(groups);
      return isByEpoch ? SchedulerListener.everyEpoch(run) : SchedulerListener.everyIteration(run);
    }
    if (metric == null) {
      throw new IllegalArgumentException(
          "metric must be given since the schedule needs one, "
              + schedule.getClass().getSimpleName()
              + ": use on(.., metric)");
    }
    LRScheduler run = schedule.attach(groups);
    return isByEpoch
        ? SchedulerListener.everyEpoch(run, metric)
        : SchedulerListener.everyIteration(run, metric);
  }

  private static Averaging averaging(Part part) {
    Averaging averaging =
        switch (part.text("type")) {
          case "equal" -> Averaging.equal();
          case "ema" -> Averaging.ema(part.number("decay"));
          case "ema_warmup" ->
              Averaging.emaWithWarmup(
                  part.number("decay"),
                  part.number("min_decay"),
                  part.number("warmup_gamma"),
                  part.number("warmup_power"));
          case "yolov5" -> Averaging.yolov5(part.number("decay"), part.number("tau"));
          case "ema_pytorch" ->
              Averaging.emaPytorch()
                  .beta(part.number("beta"))
                  .updateAfterStep(part.whole("update_after_step"))
                  .updateEvery(part.whole("update_every"))
                  .invGamma(part.number("inv_gamma"))
                  .power(part.number("power"))
                  .minValue(part.number("min_value"))
                  .build();
          case "power_ema" -> Averaging.powerEma(part.number("sigma_rel"));
          default -> Averaging.last(part.whole("k"));
        };
    return averaging.useBuffers(part.flag("use_buffers"));
  }

  private AveragingListener<N> averages(Part part, AveragedModel<N> average) {
    AveragingListener<N> listener =
        isByEpoch(part)
            ? AveragingListener.everyEpoch(net, average)
            : AveragingListener.everyIteration(net, average);
    listener =
        listener.startingAt(part.whole("start")).restartingUntil(part.whole("restarting_until"));
    if (part.has("update_every")) { // Which is the interval, from the first step of all on.
      return listener;
    }
    listener = listener.withInterval(part.whole("interval"));
    return part.flag("anew_in_each_epoch") ? listener.anewInEachEpoch() : listener;
  }

  private static boolean isByEpoch(Part part) {
    return part.text("step").equals("epoch");
  }

  private static @Nullable SwalrListener swalr(
      Part part, NetworkParamGroups groups, @Nullable SchedulerListener before) {
    if (!part.has("swalr")) {
      return null;
    }
    SWALR swalr = (SWALR) part.get("swalr");
    SwalrListener listener;
    if (isByEpoch(part)) {
      listener =
          before == null
              ? SwalrListener.everyEpoch(groups, swalr)
              : SwalrListener.everyEpoch(before, swalr);
    } else {
      listener =
          before == null
              ? SwalrListener.everyIteration(groups, swalr)
              : SwalrListener.everyIteration(before, swalr);
    }
    return listener.startingAt(part.whole("start"));
  }

  private List<EpochTerminationCondition> terminations() {
    Part part = recipe.part("early_stopping");
    if (part == null) {
      return List.of();
    }
    List<EpochTerminationCondition> conditions = new ArrayList<>();
    conditions.add(
        new ScoreImprovementEpochTerminationCondition(
            part.whole("patience"), part.number("min_delta")));
    if (part.has("max_epochs")) {
      conditions.add(new MaxEpochsTerminationCondition(part.whole("max_epochs")));
    }
    return List.copyOf(conditions);
  }
}

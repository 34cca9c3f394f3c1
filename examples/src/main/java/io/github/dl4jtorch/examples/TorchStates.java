package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchFileException;
import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.MomentumKind;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the scheduler in a file of PyTorch's, as {@code torch.save} writes its state. */
final class TorchStates {

  private static final List<String> SCHEDULER =
      List.of("scheduler", "lr_scheduler", "scheduler_state_dict", "lr_scheduler_state_dict");
  private static final List<String> OPTIMIZER =
      List.of("optimizer", "optimizer_state_dict", "optim");

  private TorchStates() {}

  /**
   * Reads a file.
   *
   * @param definition what the scheduler is, null if its state is to tell
   */
  static Source read(Path file, @Nullable Schedule definition) throws TorchFileException {
    Dict checkpoint = TorchFile.read(file);
    Map<?, ?> state = checkpoint.containsKey("_last_lr") ? checkpoint : find(checkpoint, SCHEDULER);
    if (state == null) {
      throw new MalformedDataException(
          "there is no state of a scheduler: none of the keys "
              + SCHEDULER
              + " holds one, among "
              + checkpoint.keySet());
    }
    Map<String, ?> scheduler = byName(state);
    Schedule schedule = definition == null ? definition(scheduler) : definition;
    List<Map<String, ?>> values = values(find(checkpoint, OPTIMIZER), scheduler);
    ParamGroups groups = ParamGroups.of(values.stream().map(TorchStates::group).toList());
    return Source.of(
        file.getFileName().toString(), schedule.resume(groups, scheduler, values), null);
  }

  private static @Nullable Map<?, ?> find(Map<?, ?> checkpoint, List<String> keys) {
    for (String key : keys) {
      if (checkpoint.get(key) instanceof Map<?, ?> found) {
        return found;
      }
    }
    return null;
  }

  private static Map<String, ?> byName(Map<?, ?> map) {
    Map<String, @Nullable Object> byName = new LinkedHashMap<>();
    map.forEach((key, value) -> byName.put(String.valueOf(key), value));
    return byName;
  }

  /** Takes the optimizer's groups, or without an optimizer what the scheduler knows of them. */
  private static List<Map<String, ?>> values(
      @Nullable Map<?, ?> optimizer, Map<String, ?> scheduler) {
    List<Map<String, ?>> values = new ArrayList<>();
    if (optimizer != null && optimizer.get("param_groups") instanceof List<?> groups) {
      for (Object group : groups) {
        if (!(group instanceof Map<?, ?> map)) {
          throw new MalformedDataException("a param group must be a dict but was " + group);
        }
        values.add(byName(map));
      }
    } else if (scheduler.get("_last_lr") instanceof List<?> rates
        && scheduler.get("base_lrs") instanceof List<?> bases
        && rates.size() == bases.size()) {
      for (int i = 0; i < rates.size(); i++) {
        values.add(
            Map.of("lr", given(rates.get(i)), "initial_lr", given(bases.get(i)), "momentum", 0));
      }
    } else {
      throw new MalformedDataException("there are no param groups of an optimizer");
    }
    return values;
  }

  private static Object given(@Nullable Object number) {
    if (number == null) {
      throw new MalformedDataException("a rate must be a number but was None");
    }
    return number;
  }

  private static ParamGroup group(Map<String, ?> values) {
    MomentumKind kind =
        values.containsKey("betas")
            ? MomentumKind.BETA1
            : values.containsKey("momentum") ? MomentumKind.MOMENTUM : MomentumKind.NONE;
    return NetworkParamGroups.planned(kind, 0, 0);
  }

  /** Tells from the arguments that PyTorch keeps in a state which scheduler it is of. */
  static Schedule definition(Map<String, ?> state) {
    Map<String, Object> map = new LinkedHashMap<>();
    if (state.get("_schedulers") instanceof List<?> members) {
      List<Object> schedulers = new ArrayList<>();
      for (Object member : members) {
        if (!(member instanceof Map<?, ?> own)) {
          throw new MalformedDataException("a scheduler's state must be a dict but was " + member);
        }
        schedulers.add(definition(byName(own)).toMap());
      }
      boolean isSequential = state.get("_milestones") != null;
      map.put("type", isSequential ? "SequentialLR" : "ChainedScheduler");
      map.put("schedulers", schedulers);
      if (isSequential) {
        take(map, state, "_milestones", "milestones");
      }
    } else if (state.containsKey("step_size")) {
      of(map, "StepLR", state, "step_size", "gamma");
    } else if (state.get("milestones") instanceof Map<?, ?> counted) {
      of(map, "MultiStepLR", state, "gamma");
      List<Object> milestones = new ArrayList<>();
      counted.forEach(
          (step, count) ->
              milestones.addAll(
                  Collections.nCopies(whole("count", count), whole("milestone", step))));
      map.put("milestones", milestones);
    } else if (state.containsKey("start_factor")) {
      of(map, "LinearLR", state, "start_factor", "end_factor", "total_iters");
    } else if (state.containsKey("power")) {
      of(map, "PolynomialLR", state, "total_iters", "power");
    } else if (state.containsKey("total_iters")) {
      of(map, "ConstantLR", state, "factor", "total_iters");
    } else if (state.containsKey("T_max")) {
      of(map, "CosineAnnealingLR", state, "T_max", "eta_min");
    } else if (state.containsKey("T_0")) {
      of(map, "CosineAnnealingWarmRestarts", state, "T_0", "T_mult", "eta_min");
    } else if (state.containsKey("patience")) {
      of(
          map,
          "ReduceLROnPlateau",
          state,
          "mode",
          "factor",
          "patience",
          "threshold",
          "threshold_mode",
          "cooldown",
          "eps");
      take(map, state, "min_lrs", "min_lr");
    } else if (state.containsKey("gamma") && !state.containsKey("max_lrs")) {
      of(map, "ExponentialLR", state, "gamma");
    } else {
      throw new MalformedDataException(
          "its state does not tell which scheduler it is of: say it with --definition");
    }
    return Schedule.fromMap(map);
  }

  /** Reads a number that went through JSON, where keys are text. */
  private static int whole(String name, @Nullable Object number) {
    try {
      return Integer.parseInt(String.valueOf(number));
    } catch (NumberFormatException none) {
      throw new MalformedDataException(
          "a " + name + " must be a whole number but was " + number, none);
    }
  }

  private static void of(
      Map<String, Object> map, String type, Map<String, ?> state, String... keys) {
    map.put("type", type);
    for (String key : keys) {
      take(map, state, key, key);
    }
  }

  private static void take(
      Map<String, Object> map, Map<String, ?> state, String key, String argument) {
    Object value = state.get(key);
    if (value != null) {
      map.put(argument, value);
    }
  }
}

package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.SWALR;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Who steps the rate: one listener until the average begins, SWALR's from then on. */
final class SwalrSwap {

  private final @Nullable SchedulerListener before;
  private final ParamGroups groups;
  private final SWALR definition;
  private final Function<LRScheduler, SchedulerListener> stepping;
  private @Nullable LRScheduler run;
  private @Nullable SchedulerListener after;

  /**
   * Checks that SWALR suits the groups, which it does not touch before it begins.
   *
   * @param stepping makes the listener that steps SWALR's run
   */
  SwalrSwap(
      @Nullable SchedulerListener before,
      ParamGroups groups,
      SWALR definition,
      Function<LRScheduler, SchedulerListener> stepping) {
    definition.requireFits(groups);
    this.before = before;
    this.groups = groups;
    this.definition = definition;
    this.stepping = stepping;
  }

  SWALR definition() {
    return definition;
  }

  /** Returns the listener until the start, which nobody else may call; null if there is none. */
  @Nullable SchedulerListener before() {
    return before;
  }

  /** Returns whose turn it is, null if nobody steps the rate before the start. */
  @Nullable SchedulerListener current() {
    return after == null ? before : after;
  }

  /** Lets SWALR begin, from the rates as they are, unless it has. */
  void begin() {
    if (run == null) {
      put(definition.attach(groups));
    }
  }

  private void put(LRScheduler run) {
    SchedulerListener listener = stepping.apply(run);
    this.run = run;
    this.after = listener;
  }

  /** Returns the state of SWALR's run, null if it has not begun. */
  @Nullable Map<String, Object> state() {
    return run == null ? null : run.stateDict();
  }

  /** Takes up the state of SWALR's run, whose groups are as they were, and lets others go on. */
  void load(@Nullable Map<String, ?> state, Runnable others) {
    if (state == null) {
      others.run();
      run = null;
      after = null;
      return;
    }
    List<Map<String, Object>> values = groups.stateDict();
    try {
      LRScheduler loaded = definition.attach(groups);
      loaded.loadStateDict(state, values);
      others.run();
      put(loaded);
    } catch (RuntimeException refused) {
      groups.loadStateDict(values);
      throw refused;
    }
  }
}

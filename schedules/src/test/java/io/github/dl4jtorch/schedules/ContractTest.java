package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What every scheduler keeps, whichever it is. */
class ContractTest {

  private static final int STEPS = 40;

  static List<Schedule> all() {
    return Specimens.all();
  }

  static List<Schedule> stepped() {
    return Specimens.stepped();
  }

  static Stream<Arguments> allOnGroups() {
    return Specimens.all().stream()
        .flatMap(
            schedule ->
                Stream.of(1, 2, 3)
                    .flatMap(
                        count ->
                            Stream.of(true, false)
                                .map(adam -> Arguments.of(schedule, count, adam))));
  }

  @Test
  void coversEveryType() {
    List<Object> types = new ArrayList<>(FamilySpecimens.aliasTypes());
    Specimens.all().forEach(each -> types.add(each.toMap().get("type")));
    assertThat(types)
        .as("the types that Specimens.java has a definition of, of every type in ScheduleTypes")
        .containsAll(Specimens.types());
  }

  @ParameterizedTest
  @MethodSource("all")
  void survivesMapJsonAndJavaSerialization(Schedule schedule) throws Exception {
    Map<String, Object> map = schedule.toMap();
    assertPlain(map);
    assertThat(Schedule.fromMap(map)).isEqualTo(schedule).hasSameHashCodeAs(schedule);
    Schedule fromJson = Schedule.fromMap(Json.readMap(Json.write(map)));
    assertThat(fromJson).isEqualTo(schedule);
    assertThat(fromJson.toMap()).isEqualTo(map);

    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(schedule);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      assertThat(in.readObject()).isEqualTo(schedule);
    }
  }

  @ParameterizedTest
  @MethodSource("allOnGroups")
  void givesTheSameRatesToEveryRun(Schedule schedule, int count, boolean adam) {
    ParamGroups first = Specimens.groups(count, adam);
    ParamGroups second = Specimens.groups(count, adam);
    LRScheduler firstRun = schedule.attach(first);
    LRScheduler secondRun = schedule.attach(second);
    for (int step = 0; step < STEPS; step++) {
      assertThat(first.stateDict()).isEqualTo(second.stateDict());
      assertThat(firstRun.getLastLr())
          .isEqualTo(first.stream().mapToDouble(ParamGroup::lr).toArray());
      assertThat(firstRun.lastEpoch()).isEqualTo(step);
      Specimens.step(firstRun);
      Specimens.step(secondRun);
    }
  }

  @ParameterizedTest
  @MethodSource("allOnGroups")
  void continuesFromEverySavedState(Schedule schedule, int count, boolean adam) {
    ParamGroups groups = Specimens.groups(count, adam);
    LRScheduler run = schedule.attach(groups);
    List<String> states = new ArrayList<>();
    List<String> groupStates = new ArrayList<>();
    List<double[]> rates = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      states.add(Json.write(run.stateDict()));
      groupStates.add(Json.write(groups.stateDict()));
      rates.add(run.getLastLr());
      Specimens.step(run);
    }
    for (int from = 0; from < STEPS; from++) {
      ParamGroups fresh = Specimens.groups(count, adam);
      Map<String, Object> state = Json.readMap(states.get(from));
      List<Map<String, Object>> groupState = Json.readMaps(groupStates.get(from));
      LRScheduler resumed;
      if (from % 2 == 0) {
        resumed = schedule.resume(fresh, state, groupState);
      } else {
        resumed = schedule.attach(fresh);
        resumed.loadStateDict(state, groupState);
      }
      for (int step = from; step < Math.min(from + 15, STEPS); step++) {
        assertThat(Json.write(fresh.stateDict())).isEqualTo(groupStates.get(step));
        assertThat(Json.write(resumed.stateDict())).isEqualTo(states.get(step));
        assertThat(resumed.getLastLr()).isEqualTo(rates.get(step));
        Specimens.step(resumed);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("allOnGroups")
  void saysWhetherTheRatesAgreeWithAStateLoadedWithoutGroups(
      Schedule schedule, int count, boolean adam) {
    ParamGroups groups = Specimens.groups(count, adam);
    LRScheduler run = schedule.attach(groups);
    for (int step = 0; step < 7; step++) {
      Specimens.step(run);
    }
    ParamGroups fresh = Specimens.groups(count, adam);
    LRScheduler resumed = schedule.attach(fresh);
    List<Map<String, Object>> before = fresh.stateDict();

    boolean agree = resumed.loadStateDict(run.stateDict());

    assertThat(fresh.stateDict()).isEqualTo(before);
    assertThat(agree)
        .isEqualTo(rates(fresh).equals(rates(groups)))
        .isEqualTo(resumed.loadStateDict(run.stateDict()));
    fresh.loadStateDict(groups.stateDict());
    assertThat(resumed.loadStateDict(run.stateDict())).isTrue();
  }

  @ParameterizedTest
  @MethodSource("allOnGroups")
  void resumesAtALastEpoch(Schedule schedule, int count, boolean adam) {
    if (schedule.needsMetric()) {
      assertThatThrownBy(() -> schedule.attach(Specimens.groups(count, adam), 3))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessage(
              schedule.name()
                  + " cannot be attached at lastEpoch 3: what it does depends on the metrics it has"
                  + " seen; load its state dict instead");
      return;
    }
    ParamGroups groups = Specimens.groups(count, adam);
    LRScheduler run = schedule.attach(groups);
    for (int from = 0; from < STEPS - 10; from++) {
      run.step();
      ParamGroups resumedGroups = Specimens.groups(count, adam);
      resumedGroups.loadStateDict(groups.stateDict());
      ParamGroups expected = Specimens.groups(count, adam);
      LRScheduler expectedRun = schedule.attach(expected);
      expectedRun.loadStateDict(run.stateDict(), groups.stateDict());

      LRScheduler resumed = schedule.attach(resumedGroups, from);

      for (int step = from; step < from + 10; step++) {
        assertThat(resumed.lastEpoch()).isEqualTo(step + 1);
        assertThat(resumedGroups.stateDict()).as("step %s", step).isEqualTo(expected.stateDict());
        resumed.step();
        expectedRun.step();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("stepped")
  void refusesALastEpochThatCannotBe(Schedule schedule) {
    ParamGroups groups = Specimens.groups(2, false);
    List<Map<String, Object>> before = groups.stateDict();
    assertThatThrownBy(() -> schedule.attach(groups, -2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("lastEpoch must be >= -1 but was -2");
    assertThatThrownBy(() -> schedule.attach(groups, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "param group 0 must have an initial_lr to be resumed at lastEpoch 0: restore the"
                + " groups first, or call setInitialLr");
    assertThat(groups.stateDict()).isEqualTo(before);
  }

  @ParameterizedTest
  @MethodSource("stepped")
  void skipsFarAheadToTheBit(Schedule schedule) {
    ParamGroups groups = Specimens.groups(2, false);
    LRScheduler run = schedule.attach(groups);
    ParamGroups skippedGroups = Specimens.groups(2, false);
    LRScheduler skipped = schedule.attach(skippedGroups);
    for (int at : new int[] {1, 3, 4, 17, 5_000, 5_001, 20_000}) {
      while (run.lastEpoch() < at) {
        run.step();
      }
      skipped.skip(at - (long) skipped.lastEpoch());
      assertThat(skipped.stateDict()).as("at %s", at).isEqualTo(run.stateDict());
      assertThat(skippedGroups.stateDict()).as("at %s", at).isEqualTo(groups.stateDict());
    }
    skipped.skip(0);
    assertThat(skipped.stateDict()).isEqualTo(run.stateDict());
    assertThatThrownBy(() -> skipped.skip(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("steps must be >= 0 but was -1");
    assertThat(skipped.stateDict()).isEqualTo(run.stateDict());
  }

  @ParameterizedTest
  @MethodSource("stepped")
  void goesOnFarBeyondTheEnd(Schedule schedule) {
    ParamGroups groups = Specimens.groups(2, false);
    LRScheduler run = schedule.attach(groups);
    for (int step = 0; step < 20_000; step++) {
      run.step();
    }
    assertThat(run.lastEpoch()).isEqualTo(20_000);
    for (double lr : run.getLastLr()) {
      assertThat(lr).isFinite();
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void goesToAnEpochInAnyOrder(Schedule schedule) {
    if (Specimens.composites().contains(schedule) || schedule instanceof WarmupLR) {
      LRScheduler run = schedule.attach(Specimens.groups(2, false));
      Map<String, Object> before = run.stateDict();
      assertThatThrownBy(() -> run.step(2.0))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageStartingWith(schedule.name() + " has no step(epoch): ");
      assertThat(run.stateDict()).isEqualTo(before);
      return;
    }
    if (schedule.needsMetric()
        || schedule instanceof MultiplicativeLR
        || schedule instanceof Halving
        || schedule instanceof SWALR) {
      // What these do at an epoch depends on the steps before it.
      return;
    }
    LRScheduler run = schedule.attach(Specimens.groups(2, false));
    List<Double> epochs = new ArrayList<>();
    Map<Double, double[]> rates = new LinkedHashMap<>();
    for (double epoch = 0; epoch < STEPS; epoch += 0.5) {
      run.step(epoch);
      assertThat(run.lastEpoch())
          .isEqualTo(schedule instanceof CosineAnnealingWarmRestarts ? Math.floor(epoch) : epoch);
      rates.put(epoch, run.getLastLr());
      epochs.add(epoch);
      epochs.add(epoch);
    }
    Collections.shuffle(epochs, new Random(7));
    for (double epoch : epochs) {
      run.step(epoch);
      assertThat(run.getLastLr()).as("epoch %s", epoch).isEqualTo(rates.get(epoch));
    }
    assertThatThrownBy(() -> run.step(-0.5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epoch must be finite and >= 0 but was -0.5");
    assertThatThrownBy(() -> run.step(Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("epoch must be finite and >= 0 but was NaN");
  }

  @ParameterizedTest
  @MethodSource("all")
  void refusesTheStateOfAnyOtherType(Schedule schedule) {
    ParamGroups groups = Specimens.groups(2, false);
    LRScheduler run = schedule.attach(groups);
    Map<String, Object> before = run.stateDict();
    List<Map<String, Object>> groupsBefore = groups.stateDict();
    for (Schedule other : Specimens.all()) {
      Map<String, Object> state = other.attach(Specimens.groups(2, false)).stateDict();
      if (state.equals(before) || sameFunctionsLeftOut(schedule, other)) {
        continue;
      }
      assertThatExceptionOfType(MalformedDataException.class)
          .as("%s takes the state of %s", schedule, other)
          .isThrownBy(() -> run.loadStateDict(state));
      assertThatExceptionOfType(MalformedDataException.class)
          .isThrownBy(() -> run.loadStateDict(state, groupsBefore));
    }
    assertThat(run.stateDict()).isEqualTo(before);
    assertThat(groups.stateDict()).isEqualTo(groupsBefore);
  }

  /** PyTorch's states leave functions out, so these cannot be told apart. */
  private static boolean sameFunctionsLeftOut(Schedule one, Schedule other) {
    return (one instanceof LambdaLR || one instanceof MultiplicativeLR)
        && (other instanceof LambdaLR || other instanceof MultiplicativeLR);
  }

  @ParameterizedTest
  @MethodSource("all")
  void refusesADamagedState(Schedule schedule) {
    ParamGroups groups = Specimens.groups(2, false);
    LRScheduler run = schedule.attach(groups);
    Specimens.step(run);
    Map<String, Object> state = run.stateDict();
    List<Map<String, Object>> groupsBefore = groups.stateDict();
    for (String key : state.keySet()) {
      // These say nothing that the definition does not, or are flags of old versions.
      if (List.of("_is_initial", "_get_lr_called_within_step", "default_min_lr", "mode_worse")
          .contains(key)) {
        continue;
      }
      // It may hold the fields of an object of PyTorch's side.
      if (key.equals("_scale_fn_custom")) {
        continue;
      }
      if (key.equals("_step_count") && schedule instanceof CosineAnnealingWarmRestarts) {
        continue;
      }
      Map<String, Object> damaged = new LinkedHashMap<>(state);
      damaged.put(key, Map.of("what", "is this"));
      assertThatExceptionOfType(MalformedDataException.class)
          .as("%s = a map", key)
          .isThrownBy(() -> run.loadStateDict(damaged));
    }
    Map<String, Object> unknown = new LinkedHashMap<>(state);
    unknown.put("_last_lrs", 1);
    assertThatThrownBy(() -> run.loadStateDict(unknown))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "state of "
                + schedule.name()
                + ": unknown key \"_last_lrs\"; did you mean \"_last_lr\"?");
    Map<String, Object> otherGroups = schedule.attach(Specimens.groups(3, false)).stateDict();
    assertThatThrownBy(() -> run.loadStateDict(otherGroups))
        .isInstanceOf(MalformedDataException.class)
        .hasMessageEndingWith(": the state is of 3 param groups and there are 2");
    assertThat(run.stateDict()).isEqualTo(state);
    assertThat(groups.stateDict()).isEqualTo(groupsBefore);
  }

  @ParameterizedTest
  @MethodSource("all")
  void takesAStateWithoutTheKeysThatVersionsOfPyTorchLeaveOut(Schedule schedule) {
    ParamGroups groups = Specimens.groups(2, false);
    LRScheduler run = schedule.attach(groups);
    Specimens.step(run);
    Specimens.step(run);
    Map<String, Object> state = run.stateDict();
    Map<String, Object> older = new LinkedHashMap<>(state);
    older
        .keySet()
        .removeAll(
            List.of(
                "_is_initial",
                "_get_lr_called_within_step",
                "_anneal_func_type",
                "use_beta1",
                "default_min_lr",
                "mode_worse"));
    older.put("verbose", false);
    LRScheduler resumed = schedule.attach(Specimens.groups(2, false));
    resumed.loadStateDict(older, groups.stateDict());
    assertThat(resumed.stateDict()).isEqualTo(state);
    assertThat(resumed.paramGroups().stateDict()).isEqualTo(groups.stateDict());
  }

  @ParameterizedTest
  @MethodSource("stepped")
  void stepsWithoutAllocating(Schedule schedule) {
    LRScheduler run = schedule.attach(Specimens.groups(3, false));
    for (int step = 0; step < 100; step++) {
      run.step();
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    threads.getCurrentThreadAllocatedBytes();
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int step = 0; step < 10_000; step++) {
      run.step();
    }
    // The reading itself may take a few bytes; one object a step would be 160,000.
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(2_000);
  }

  private static List<Double> rates(ParamGroups groups) {
    return groups.stream().map(ParamGroup::lr).toList();
  }

  private static void assertPlain(Object value) {
    if (value instanceof Map<?, ?> map) {
      map.forEach(
          (key, entry) -> {
            assertThat(key).isInstanceOf(String.class);
            assertPlain(entry);
          });
    } else if (value instanceof List<?> list) {
      list.forEach(ContractTest::assertPlain);
    } else {
      assertThat(value).isInstanceOfAny(Integer.class, Double.class, Boolean.class, String.class);
    }
  }
}

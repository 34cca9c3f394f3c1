package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is wrong with a written definition or state is said in one sentence. */
class MalformedDataTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"step_size":3}                                         | a schedule's "type" must name its class but was null
          {"type":7}                                              | a schedule's "type" must name its class but was 7
          {"type":"StepLr","step_size":3}                         | unknown type "StepLr"; did you mean "StepLR"?
          {"type":"CosineAnnealing","T_max":3}                    | unknown type "CosineAnnealing"; did you mean "CosineAnnealingLR"?
          {"type":"OneCycle","max_lr":3}                          | unknown type "OneCycle"; did you mean "OneCycleLR"?
          {"type":"StepLR"}                                       | StepLR: "step_size" is missing
          {"type":"StepLR","step_size":null}                      | StepLR: "step_size" is missing
          {"type":"StepLR","stepsize":3}                          | StepLR: unknown key "stepsize"; did you mean "step_size"?
          {"type":"StepLR","step_size":3,"gama":0.1}              | StepLR: unknown key "gama"; did you mean "gamma"?
          {"type":"StepLR","step_size":3.5}                       | StepLR: "step_size" must be a whole number but was 3.5
          {"type":"StepLR","step_size":"3"}                       | StepLR: "step_size" must be a whole number but was "3"
          {"type":"StepLR","step_size":true}                      | StepLR: "step_size" must be a whole number but was true
          {"type":"StepLR","step_size":3000000000}                | StepLR: "step_size" must be a whole number but was 3000000000
          {"type":"StepLR","step_size":3,"gamma":"x"}             | StepLR: "gamma" must be a number but was "x"
          {"type":"StepLR","step_size":3,"gamma":[1]}             | StepLR: "gamma" must be a number but was [1]
          {"type":"StepLR","step_size":0}                         | StepLR: step_size must be > 0 but was 0
          {"type":"StepLR","step_size":3,"gamma":NaN}             | StepLR: gamma must be finite but was NaN
          {"type":"MultiStepLR","milestones":3}                   | MultiStepLR: "milestones" must be a list but was 3
          {"type":"MultiStepLR","milestones":[3,"x"]}             | MultiStepLR: "milestones" must be a whole number but was "x"
          {"type":"CosineAnnealingLR","tmax":3}                   | CosineAnnealingLR: unknown key "tmax"; did you mean "T_max"?
          {"type":"SWALR","swa_lr":[]}                            | SWALR: a list must have one entry for each param group but was []
          {"type":"SWALR","swa_lr":{"a":1}}                       | SWALR: "swa_lr" must be a number but was {a=1}
          {"type":"SWALR","swa_lr":1,"anneal_strategy":"cosine"}  | SWALR: "anneal_strategy" must be one of "cos", "linear" but was "cosine"
          {"type":"SWALR","swa_lr":1,"anneal_strategy":"COS"}     | SWALR: "anneal_strategy" must be one of "cos", "linear" but was "COS"
          {"type":"OneCycleLR","max_lr":1,"total_steps":9,"three_phase":1} | OneCycleLR: "three_phase" must be true or false but was 1
          {"type":"OneCycleLR","max_lr":1}                        | OneCycleLR: total_steps must be given, or both epochs and steps_per_epoch, but they were null, null and null
          {"type":"CyclicLR","base_lr":1,"max_lr":2,"mode":"tri"} | CyclicLR: "mode" must be one of "triangular", "triangular2", "exp_range" but was "tri"
          {"type":"LambdaLR","lr_lambda":3}                       | LambdaLR: "lr_lambda" must be a map but was 3
          {"type":"LambdaLR","lr_lambda":{}}                      | LambdaLR: "lr_lambda" must be a map from a function's name to its arguments but was {}
          {"type":"LambdaLR","lr_lambda":{"exponent":{}}}         | LambdaLR: unknown function "exponent" in "lr_lambda"; did you mean "exponential"?
          {"type":"LambdaLR","lr_lambda":{"exponential":{}}}      | exponential: "gamma" is missing
          {"type":"LambdaLR","lr_lambda":{"exponential":{"gamma":1,"b":2}}} | exponential: unknown key "b"; did you mean "gamma"?
          {"type":"LambdaLR","lr_lambda":{"table":[]}}            | LambdaLR: values must hold at least one number but was []
          {"type":"LambdaLR","lr_lambda":[]}                      | LambdaLR: a list must have one entry for each param group but was []
          {"type":"LambdaLR","lr_lambda":[{"table":[1]},4]}       | LambdaLR: "lr_lambda" must be a map but was 4
          {"type":"SequentialLR","schedulers":[],"milestones":[]} | SequentialLR: schedulers must hold at least one schedule but was []
          {"type":"SequentialLR","schedulers":[3],"milestones":[]} | SequentialLR: "schedulers" must be a map but was 3
          {"type":"SequentialLR","schedulers":[{"type":"StepLR","step_size":-1}],"milestones":[]} | StepLR: step_size must be > 0 but was -1
          {"type":"ChainedScheduler","schedulers":[{"type":"ReduceLROnPlateau"}]} | ChainedScheduler: ChainedScheduler cannot hold a ReduceLROnPlateau, which needs a metric; attach it to the same groups and step it beside this one
          """)
  void refusesADefinition(String json, String message) {
    assertThatThrownBy(() -> Schedule.fromMap(Json.readMap(json)))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }

  static List<Schedule> all() {
    return Specimens.all();
  }

  @ParameterizedTest
  @MethodSource("all")
  void refusesADefinitionWithAnyArgumentOfTheWrongType(Schedule schedule) {
    for (String key : schedule.toMap().keySet()) {
      Map<String, Object> map = new LinkedHashMap<>(schedule.toMap());
      map.put(key, List.of(Map.of("what", "is this")));
      assertThatThrownBy(() -> Schedule.fromMap(map))
          .as("%s in %s", key, schedule)
          .isExactlyInstanceOf(MalformedDataException.class);
    }
  }

  @Test
  void takesWhatJsonLibrariesMakeOfNumbers() {
    Schedule expected = new StepLR(30, 1.0);
    assertThat(Schedule.fromMap(Map.of("type", "StepLR", "step_size", 30L, "gamma", 1)))
        .isEqualTo(expected);
    assertThat(Schedule.fromMap(Map.of("type", "StepLR", "step_size", 30.0, "gamma", 1f)))
        .isEqualTo(expected);
    assertThat(
            Schedule.fromMap(
                Map.of(
                    "type",
                    "StepLR",
                    "step_size",
                    java.math.BigInteger.valueOf(30),
                    "gamma",
                    java.math.BigDecimal.ONE)))
        .isEqualTo(expected);
  }

  @Test
  void takesPyTorchsDefaultsForWhatIsAbsentOrNull() {
    assertThat(defaults("{'type':'StepLR','step_size':3}")).isEqualTo(new StepLR(3, 0.1));
    assertThat(defaults("{'type':'MultiStepLR','milestones':[]}"))
        .isEqualTo(new MultiStepLR(List.of(), 0.1));
    assertThat(defaults("{'type':'ConstantLR'}")).isEqualTo(new ConstantLR(1.0 / 3, 5));
    assertThat(defaults("{'type':'LinearLR'}")).isEqualTo(new LinearLR(1.0 / 3, 1, 5));
    assertThat(defaults("{'type':'PolynomialLR'}")).isEqualTo(new PolynomialLR(5, 1));
    assertThat(defaults("{'type':'CosineAnnealingLR','T_max':9}"))
        .isEqualTo(new CosineAnnealingLR(9, 0));
    assertThat(defaults("{'type':'CosineAnnealingWarmRestarts','T_0':9}"))
        .isEqualTo(new CosineAnnealingWarmRestarts(9, 1, 0));
    CyclicLR cyclic =
        (CyclicLR) defaults("{'type':'CyclicLR','base_lr':1,'max_lr':2,'step_size_down':null}");
    assertThat(cyclic)
        .isEqualTo(CyclicLR.builder(1, 2).build())
        .hasToString(
            "CyclicLR[baseLr=1.0, maxLr=2.0, stepSizeUp=2000, stepSizeDown=null, mode=TRIANGULAR,"
                + " gamma=1.0, scaleFn=null, scaleMode=CYCLE, cycleMomentum=true,"
                + " baseMomentum=0.8, maxMomentum=0.9]");
    assertThat(defaults("{'type':'OneCycleLR','max_lr':1,'total_steps':9,'epochs':null}"))
        .isEqualTo(OneCycleLR.builder(1).totalSteps(9).build())
        .hasToString(
            "OneCycleLR[maxLr=1.0, totalSteps=9, epochs=null, stepsPerEpoch=null, pctStart=0.3,"
                + " annealStrategy=COS, cycleMomentum=true, baseMomentum=0.85, maxMomentum=0.95,"
                + " divFactor=25.0, finalDivFactor=10000.0, threePhase=false]");
    assertThat(defaults("{'type':'ReduceLROnPlateau'}"))
        .isEqualTo(ReduceLROnPlateau.builder().build())
        .hasToString(
            "ReduceLROnPlateau[mode=MIN, factor=0.1, patience=10, threshold=1.0E-4,"
                + " thresholdMode=REL, cooldown=0, minLr=0.0, eps=1.0E-8]");
    assertThat(defaults("{'type':'SWALR','swa_lr':1}"))
        .isEqualTo(new SWALR(1, 10, AnnealStrategy.COS));
  }

  private static Schedule defaults(String json) {
    return Schedule.fromMap(Json.readMap(json.replace('\'', '"')));
  }

  @Test
  void keepsScalarsAndListsApart() {
    Schedule scalar = OneCycleLR.builder(1).totalSteps(9).build();
    Schedule list = OneCycleLR.builder(List.of(1.0)).totalSteps(9).build();
    assertThat(scalar).isNotEqualTo(list);
    assertThat(scalar.toMap()).containsEntry("max_lr", 1.0);
    assertThat(list.toMap()).containsEntry("max_lr", List.of(1.0));
    assertThat(Schedule.fromMap(scalar.toMap())).isEqualTo(scalar);
    assertThat(Schedule.fromMap(list.toMap())).isEqualTo(list);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"lr":0.1,"momentum":0.9},{"lr":0.1,"momentum":0.9} | the state holds 2 param groups and there are 1
          {"momentum":0.9}               | param group 0: "lr" is missing
          {"lr":"x","momentum":0.9}      | param group 0: "lr" must be a number but was "x"
          {"lr":NaN,"momentum":0.9}      | param group 0: "lr" must be finite but was NaN
          {"lr":0.1}                     | param group 0: "momentum" is missing
          {"lr":0.1,"betas":[0.9,0.999]} | param group 0: "momentum" is missing
          {"lr":0.1,"momentum":0.9,"initial_lr":Infinity} | param group 0: "initial_lr" must be finite but was Infinity
          """)
  void refusesAStateOfGroups(String json, String message) {
    ParamGroups groups = Specimens.groups(1, false);
    LRScheduler run = new ExponentialLR(0.5).attach(groups);
    List<Map<String, Object>> before = groups.stateDict();
    Map<String, Object> state = run.stateDict();
    List<Map<String, Object>> malformed = Json.readMaps("[" + json + "]");
    assertThatThrownBy(() -> run.loadStateDict(state, malformed))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
    assertThatThrownBy(() -> groups.loadStateDict(malformed))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
    assertThat(groups.stateDict()).isEqualTo(before);
    assertThat(run.stateDict()).isEqualTo(state);
  }

  /** What no run can be in, by its definition, the damage and the message. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          StepLR         | last_epoch       | -1e9      | "last_epoch" must be finite and >= 0 but was -1.0E9
          StepLR         | last_epoch       | -1        | "last_epoch" must be finite and >= 0 but was -1.0
          StepLR         | _step_count      | 0         | "_step_count" must be a whole number >= 1 and <= 2147483647 but was 0
          StepLR         | _step_count      | 1e300     | "_step_count" must be a whole number >= 1 and <= 2147483647 but was 1.0E300
          StepLR         | base_lrs         | []        | "base_lrs" must have an entry for each of the 2 param groups but has 0
          StepLR         | base_lrs         | [1,2,3]   | "base_lrs" must have an entry for each of the 2 param groups but has 3
          OneCycleLR     | last_epoch       | 10        | "last_epoch" must be finite and >= 0 and <= 9 but was 10.0
          Restarts       | last_epoch       | 1.5       | "last_epoch" must be a whole number >= 0 but was 1.5
          Restarts       | last_epoch       | -1        | "last_epoch" must be a whole number >= 0 but was -1
          Restarts       | T_cur            | -1e300    | "T_cur" must be finite and >= 0 and <= 3 but was -1.0E300
          Restarts       | T_cur            | 3.5       | "T_cur" must be finite and >= 0 and <= 3 but was 3.5
          Restarts       | T_i              | 4         | "T_i" must be a whole number >= 3 and <= 3 but was 4
          Plateau        | last_epoch       | -1        | "last_epoch" must be a whole number >= 0 but was -1
          Plateau        | best             | NaN       | "best" must be a number but was NaN
          Plateau        | cooldown_counter | -1        | "cooldown_counter" must be a whole number >= 0 and <= 2 but was -1
          Plateau        | cooldown_counter | 3         | "cooldown_counter" must be a whole number >= 0 and <= 2 but was 3
          Plateau        | num_bad_epochs   | 1e9       | "num_bad_epochs" must be a whole number >= 0 and <= 4 but was 1.0E9
          SequentialLR   | last_epoch       | -1        | "last_epoch" must be a whole number >= 0 but was -1
          SequentialLR   | last_epoch       | 0.5       | "last_epoch" must be a whole number >= 0 but was 0.5
          WarmupLR       | last_epoch       | -1        | "last_epoch" must be a whole number >= 0 and <= 2147483647 but was -1
          WarmupLR       | last_epoch       | 1e300     | "last_epoch" must be a whole number >= 0 and <= 2147483647 but was 1.0E300
          WarmupLR       | _momentum        | [0.5]     | "_momentum" must have an entry for each of the 2 param groups but has 1
          WarmupLR       | _momentum        | [1,2,3]   | "_momentum" must have an entry for each of the 2 param groups but has 3
          """)
  void refusesWhatNoRunCanBeIn(String name, String key, String value, String message) {
    Schedule schedule =
        switch (name) {
          case "StepLR" -> new StepLR(3);
          case "OneCycleLR" -> OneCycleLR.builder(1).totalSteps(9).build();
          case "Restarts" -> new CosineAnnealingWarmRestarts(3);
          case "Plateau" -> ReduceLROnPlateau.builder().patience(4).cooldown(2).build();
          case "SequentialLR" ->
              new SequentialLR(List.of(new StepLR(3), new StepLR(4)), List.of(5));
          default ->
              WarmupLR.builder(new StepLR(3))
                  .iterationsPerEpoch(2)
                  .warmupIterations(4)
                  .warmupLr(0.1)
                  .warmupMomentum(0.5)
                  .build();
        };
    ParamGroups groups = Specimens.groups(2, false);
    LRScheduler run = schedule.attach(groups);
    Specimens.step(run);
    List<Map<String, Object>> before = groups.stateDict();
    Map<String, Object> state = run.stateDict();
    Map<String, Object> damaged = run.stateDict();
    damaged.put(key, Json.readMap("{\"value\":" + value + "}").get("value"));
    assertThatThrownBy(() -> run.loadStateDict(damaged, before))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("state of " + schedule.getClass().getSimpleName() + ": " + message);
    assertThat(run.stateDict()).isEqualTo(state);
    assertThat(groups.stateDict()).isEqualTo(before);
  }

  @Test
  void takesCountsOfBeforeTheStartFromMembersNotEnteredAlone() {
    SequentialLR schedule = new SequentialLR(List.of(new StepLR(3), new StepLR(4)), List.of(5));
    LRScheduler run = schedule.attach(Specimens.groups(1, false));
    Map<String, Object> state = Json.readMap(Json.write(run.stateDict()));
    List<Map<String, Object>> members = Json.readMaps(Json.write(state.get("_schedulers")));
    assertThat(members.get(1)).containsEntry("last_epoch", -1);
    members.get(0).put("last_epoch", -1);
    state.put("_schedulers", members);
    assertThatThrownBy(() -> run.loadStateDict(state))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("state of StepLR: \"last_epoch\" must be finite and >= 0 but was -1.0");
    members.get(0).put("last_epoch", 0);
    members.get(1).put("last_epoch", -0.5);
    assertThatThrownBy(() -> run.loadStateDict(state))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("state of StepLR: \"last_epoch\" must be a whole number >= -1 but was -0.5");
  }

  @Test
  void refusesGroupsThatAreNoMaps() {
    ParamGroups groups = Specimens.groups(2, false);
    List<Map<String, Object>> before = groups.stateDict();
    @SuppressWarnings({"unchecked", "rawtypes"})
    List<Map<String, Object>> mixed = (List) List.of(before.get(0), 3);
    assertThatThrownBy(() -> groups.loadStateDict(mixed))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("param group 1 must be a map but was 3");
    @SuppressWarnings({"unchecked", "rawtypes"})
    Map<String, Object> numbered = (Map) Map.of(1, 2);
    assertThatThrownBy(() -> groups.loadStateDict(List.of(numbered, numbered)))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("param group 0: \"lr\" is missing");
    assertThat(groups.stateDict()).isEqualTo(before);
  }

  @Test
  void nestsAHundredDeep() {
    Map<String, Object> map = new StepLR(3).toMap();
    Schedule schedule = new StepLR(3);
    for (int level = 1; level < 100; level++) {
      map = wrapped(level, map);
      schedule = wrapped(level, schedule);
    }
    assertThat(schedule.toMap()).isEqualTo(map);
    assertThat(Schedule.fromMap(map)).isEqualTo(schedule).hasSameHashCodeAs(schedule);
    ParamGroups groups = Specimens.groups(1, false);
    LRScheduler run = schedule.attach(groups);
    run.step();
    run.loadStateDict(run.stateDict(), groups.stateDict());
    assertThat(run.toString()).startsWith("ChainedScheduler[").endsWith(" at epoch 1.0");
    Schedule deepest = schedule;
    assertThatThrownBy(() -> new ChainedScheduler(List.of(deepest)))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("schedulers must be nested at most 100 deep but were 101");
    assertThatThrownBy(() -> new SequentialLR(List.of(deepest), List.of()))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("schedulers must be nested at most 100 deep but were 101");
    assertThatThrownBy(
            () ->
                WarmupLR.builder(deepest)
                    .iterationsPerEpoch(1)
                    .warmupIterations(1)
                    .warmupLr(0.1)
                    .build())
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("after must be nested at most 100 deep but were 101");
    for (int levels : new int[] {1, 2_000, 100_000}) {
      Map<String, Object> deeper = map;
      for (int level = 0; level < levels; level++) {
        deeper = wrapped(level, deeper);
      }
      Map<String, Object> tooDeep = deeper;
      assertThatThrownBy(() -> Schedule.fromMap(tooDeep))
          .isExactlyInstanceOf(MalformedDataException.class)
          .hasMessage("schedules must be nested at most 100 deep but were deeper");
    }
  }

  private static Schedule wrapped(int level, Schedule member) {
    return switch (level % 3) {
      case 0 -> new ChainedScheduler(List.of(member));
      case 1 -> new SequentialLR(List.of(member), List.of());
      default ->
          WarmupLR.builder(member).iterationsPerEpoch(1).warmupIterations(1).warmupLr(0.1).build();
    };
  }

  private static Map<String, Object> wrapped(int level, Map<String, Object> member) {
    return switch (level % 3) {
      case 0 -> Map.of("type", "ChainedScheduler", "schedulers", List.of(member));
      case 1 ->
          Map.of("type", "SequentialLR", "schedulers", List.of(member), "milestones", List.of());
      default ->
          Map.of(
              "type",
              "WarmupLR",
              "after",
              member,
              "iterations_per_epoch",
              1,
              "warmup_iterations",
              1,
              "warmup_lr",
              0.1);
    };
  }

  @Test
  void showsNoValueThatIsTooDeepToBeShown() {
    Object deep = 1;
    for (int level = 0; level < 100_000; level++) {
      deep = level % 2 == 0 ? List.of(deep) : Map.of("a", deep);
    }
    Object value = deep;
    assertThatThrownBy(
            () -> Schedule.fromMap(Map.of("type", "StepLR", "step_size", 3, "gamma", value)))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage("StepLR: \"gamma\" must be a number but was lists or maps more than 10 deep");
    assertThatThrownBy(() -> Schedule.fromMap(Map.of("type", value)))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(
            "a schedule's \"type\" must name its class but was lists or maps more than 10 deep");
    LRScheduler run = new StepLR(3).attach(Specimens.groups(1, false));
    Map<String, Object> state = run.stateDict();
    state.put("gamma", value);
    assertThatThrownBy(() -> run.loadStateDict(state))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(
            "state of StepLR: the state was saved with \"gamma\" lists or maps more than 10 deep"
                + " and this one has 0.1");
  }

  @Test
  void refusesBetasAndMomentaThatDoNotFit() {
    ParamGroups adam = Specimens.groups(1, true);
    assertThatThrownBy(() -> adam.loadStateDict(Json.readMaps("[{\"lr\":1,\"betas\":[0.9]}]")))
        .hasMessage("param group 0: betas must have 2 entries but was [0.9]");
    ParamGroups none = ParamGroups.of(ParamGroup.withoutMomentum(0.1));
    assertThatThrownBy(() -> none.loadStateDict(Json.readMaps("[{\"lr\":1,\"momentum\":0.9}]")))
        .hasMessage("param group 0: the saved group has a momentum and this one has none");
    none.loadStateDict(Json.readMaps("[{\"lr\":1,\"momentum\":0,\"nesterov\":false}]"));
    assertThat(none.get(0).lr()).isEqualTo(1);
    assertThatThrownBy(() -> none.get(0).momentum())
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage("this param group has neither momentum nor beta1");
  }

  @Test
  void takesAnOlderStateOfPyTorch() {
    // torch 1.13 writes verbose, and has no _is_initial, default_min_lr or _anneal_func_type.
    ParamGroups groups = Specimens.groups(1, false);
    LRScheduler step = new StepLR(3, 0.5).attach(groups);
    step.loadStateDict(
        Json.readMap(
            "{\"step_size\":3,\"gamma\":0.5,\"base_lrs\":[0.1],\"last_epoch\":2,\"_step_count\":3,"
                + "\"verbose\":false,\"_get_lr_called_within_step\":false,\"_last_lr\":[0.1]}"));
    step.step();
    assertThat(groups.get(0).lr()).isEqualTo(0.05);

    LRScheduler plateau =
        ReduceLROnPlateau.builder().factor(0.5).patience(1).build().attach(groups);
    boolean agree =
        plateau.loadStateDict(
            Json.readMap(
                "{\"factor\":0.5,\"min_lrs\":[0],\"patience\":1,\"verbose\":false,\"cooldown\":0,"
                    + "\"cooldown_counter\":0,\"mode\":\"min\",\"threshold\":0.0001,"
                    + "\"threshold_mode\":\"rel\",\"best\":Infinity,\"num_bad_epochs\":1,"
                    + "\"mode_worse\":Infinity,\"eps\":1e-8,\"last_epoch\":0}"));
    assertThat(agree).isTrue();
    plateau.step(Double.NaN);
    assertThat(groups.get(0).lr()).isEqualTo(0.025);
  }
}

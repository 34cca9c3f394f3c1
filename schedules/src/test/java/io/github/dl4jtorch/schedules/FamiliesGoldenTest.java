package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.type.TypeReference;
import io.github.dl4jtorch.schedules.families.Fastai;
import io.github.dl4jtorch.schedules.families.HuggingFace;
import io.github.dl4jtorch.schedules.families.Pix2Pix;
import io.github.dl4jtorch.schedules.families.Timm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every case of golden/recipes: what other libraries' own code gave, row by row. */
class FamiliesGoldenTest {

  private static final Path FOLDER = Path.of("src/test/resources/golden/recipes");

  /** By file: cases, rows, and the largest deviation in units of the tolerance. */
  private static final Map<String, double[]> LARGEST = new TreeMap<>();

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Case(
      String id,
      String name,
      Map<String, Object> arguments,
      @Nullable Optimizer optimizer,
      Calls calls,
      List<List<Double>> lr,
      @Nullable List<List<Double>> momentum,
      @Nullable Map<String, Object> state,
      @Nullable Result result,
      @JsonProperty("rounding_decides") @Nullable List<Integer> roundingDecides) {

    @Override
    public String toString() {
      return id;
    }

    String file() {
      return id.substring(0, id.lastIndexOf('-'));
    }

    ParamGroups groups() {
      List<ParamGroup> groups = new ArrayList<>();
      if (optimizer != null) {
        for (Map<String, Double> group : optimizer.groups()) {
          groups.add(ParamGroup.sgd(group.get("lr"), group.get("momentum")));
        }
      } else {
        lr.get(0).forEach(any -> groups.add(ParamGroup.sgd(ownLr(), 0.9)));
      }
      return ParamGroups.of(groups);
    }

    /** YOLOv5's rate is a factor of this; to the others it means nothing. */
    private double ownLr() {
      return arguments.get("lr0") instanceof Number lr0 ? lr0.doubleValue() : 0.123;
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Optimizer(List<Map<String, Double>> groups, @Nullable Map<String, Double> defaults) {}

  record Calls(String method, @Nullable Integer times, @Nullable List<Object> arguments) {}

  record Result(
      @JsonProperty("class") String className, @JsonProperty("num_epochs") int numEpochs) {}

  static Stream<Case> cases() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      List<Path> all = files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
      assertThat(all).hasSize(86);
      return all.stream()
          .flatMap(
              file ->
                  Json.<List<Case>>readResource(
                      "/golden/recipes/" + file.getFileName(), new TypeReference<>() {})
                      .stream());
    }
  }

  @AfterAll
  static void printLargest() {
    System.out.printf("%nAgainst other libraries' traces       cases   rows  largest/tolerance%n");
    double[] sum = new double[3];
    LARGEST.forEach(
        (file, counts) -> {
          System.out.printf("%-37s %5.0f %6.0f  %.3g%n", file, counts[0], counts[1], counts[2]);
          sum[0] += counts[0];
          sum[1] += counts[1];
          sum[2] = Math.max(sum[2], counts[2]);
        });
    System.out.printf("%-37s %5.0f %6.0f  %.3g%n", "all", sum[0], sum[1], sum[2]);
  }

  /** The definition that the case's names and keywords give. */
  static Schedule schedule(Case given) {
    Map<String, Object> arguments = new LinkedHashMap<>(given.arguments());
    String file = given.file();
    String library = file.substring(0, file.indexOf('_') < 0 ? file.length() : file.indexOf('_'));
    return switch (library) {
      case "hf" -> huggingFace(given);
      case "timm" -> timm(given, arguments);
      case "torchtitan" -> read("torchtitan.lr_scheduler", arguments);
      case "epfl" -> epfl(given, arguments);
      case "nanogpt" -> read("nanogpt.get_lr", arguments);
      case "torchvision" -> read("torchvision.lr_scheduler", arguments);
      case "cyclegan" -> Pix2Pix.getScheduler((String) arguments.remove("lr_policy"), arguments);
      case "yolov5" -> yolov5(file, arguments);
      case "keras" -> read("keras." + given.name(), arguments);
      case "optax" -> optax(given.name(), arguments);
      case "composer" -> composer(given, arguments);
      case "fastai" -> fastai(given.name(), arguments);
      case "pytorch" -> read("pytorch_optimizer." + given.name(), arguments);
      case "noam" -> read("papers.noam", arguments);
      case "swa" -> read("papers.swa", arguments);
      case "edm2" -> read("papers.edm2", arguments);
      case "sgdr" -> {
        arguments.remove("epochs");
        yield read("papers.sgdr", arguments);
      }
      default -> throw new IllegalArgumentException("no library is known for " + file);
    };
  }

  private static Schedule read(String type, Map<String, Object> keywords) {
    keywords.put("type", type);
    return Schedule.fromMap(keywords);
  }

  @SuppressWarnings("unchecked")
  private static Schedule huggingFace(Case given) {
    Map<String, Object> specific =
        new LinkedHashMap<>(
            (Map<String, Object>)
                given.arguments().getOrDefault("scheduler_specific_kwargs", Map.of()));
    String name = (String) given.arguments().get("name");
    Map<String, Double> defaults = Objects.requireNonNull(given.optimizer()).defaults();
    if (defaults != null && (name.contains("min_lr") || name.equals("polynomial"))) {
      specific.put("default_lr", defaults.get("lr"));
    }
    Object steps = given.arguments().get("num_training_steps");
    return HuggingFace.getScheduler(
        name,
        (Integer) given.arguments().getOrDefault("num_warmup_steps", 0),
        steps == null ? 0 : (Integer) steps,
        specific);
  }

  private static Schedule timm(Case given, Map<String, Object> arguments) {
    List<Double> scales = new ArrayList<>();
    for (Map<String, Double> group : Objects.requireNonNull(given.optimizer()).groups()) {
      scales.add(group.getOrDefault("lr_scale", 1.0));
    }
    if (given.result() == null) {
      arguments.put("lr_scale", scales);
      return Timm.scheduler(given.name(), arguments);
    }
    Timm.Created created = Timm.createScheduler(arguments);
    assertThat(created.numEpochs()).isEqualTo(given.result().numEpochs());
    assertThat(created.scheduler().name()).isEqualTo("timm." + given.result().className());
    return created.scheduler();
  }

  private static Schedule epfl(Case given, Map<String, Object> arguments) {
    if (!given.file().equals("epfl_onecycle")) {
      return read("epfl." + given.name(), arguments);
    }
    arguments.put(
        "lr",
        Objects.requireNonNull(given.optimizer()).groups().stream()
            .map(group -> group.get("lr"))
            .toList());
    return read("epfl.one_cycle", arguments);
  }

  private static Schedule yolov5(String file, Map<String, Object> arguments) {
    arguments.keySet().removeAll(List.of("lr0", "momentum", "batch_size", "nominal_batch_size"));
    if (file.equals("yolov5_epoch")) {
      arguments.remove("warmup_epochs");
      return read("yolov5.lf", arguments);
    }
    return read("yolov5.train", arguments);
  }

  @SuppressWarnings("unchecked")
  private static Schedule optax(String name, Map<String, Object> arguments) {
    arguments.computeIfPresent(
        "boundaries_and_scales",
        (key, pairs) -> {
          Map<String, Object> map = new LinkedHashMap<>();
          ((List<List<Object>>) pairs).forEach(pair -> map.put("" + pair.get(0), pair.get(1)));
          return map;
        });
    arguments.computeIfPresent(
        "schedules",
        (key, pairs) ->
            ((List<List<Object>>) pairs)
                .stream()
                    .map(
                        pair -> {
                          Map<String, Object> map =
                              new LinkedHashMap<>((Map<String, Object>) pair.get(1));
                          map.put("type", "optax." + pair.get(0));
                          return map;
                        })
                    .toList());
    return read("optax." + name, arguments);
  }

  private static Schedule composer(Case given, Map<String, Object> arguments) {
    arguments.putAll(Objects.requireNonNull(given.state()));
    if (given.file().equals("composer_trainer_order")) {
      arguments.put("trainer_order", true);
    }
    return read("composer." + given.name(), arguments);
  }

  @SuppressWarnings("unchecked")
  private static Schedule fastai(String name, Map<String, Object> arguments) {
    arguments.computeIfPresent(
        "scheds",
        (key, lists) ->
            ((List<List<Object>>) lists)
                .stream()
                    .map(
                        list -> {
                          Map<String, Object> map = new LinkedHashMap<>();
                          map.put("type", "fastai." + list.get(0));
                          map.put("start", list.get(1));
                          map.put("end", list.get(2));
                          if (list.size() > 3) {
                            map.put("power", list.get(3));
                          }
                          return map;
                        })
                    .toList());
    return Fastai.schedule(name, arguments);
  }

  /** What the function's argument is in steps. */
  private static DoubleUnaryOperator steps(Case given) {
    Map<String, Object> arguments = given.arguments();
    return switch (given.file()) {
      case "noam" -> step -> step - 1;
      case "edm2_inverse_sqrt" -> images -> images / (Integer) arguments.get("batch_size");
      case "fastai_fit_one_cycle", "fastai_fit_flat_cos" ->
          share -> share * (Integer) arguments.get("n_epoch");
      case "fastai_fit_sgdr" -> {
        double mult = (Integer) arguments.getOrDefault("cycle_mult", 2);
        double cycles = (Integer) arguments.get("n_cycles");
        double length = (Integer) arguments.get("cycle_len");
        yield share -> share * (length * (Math.pow(mult, cycles) - 1) / (mult - 1));
      }
      default -> step -> step;
    };
  }

  /** The calls, each of which is followed by a row; null is a plain step. */
  private static List<Object> calls(Case given) {
    List<Object> calls = new ArrayList<>();
    Calls recorded = given.calls();
    if (recorded.times() != null) {
      for (int i = 0; i < recorded.times(); i++) {
        calls.add("step");
      }
      return calls;
    }
    for (Object argument : Objects.requireNonNull(recorded.arguments())) {
      if (recorded.method().equals("function")) {
        double step = steps(given).applyAsDouble(((Number) argument).doubleValue());
        calls.add(step);
      } else if (argument instanceof List<?> call) {
        Object last = call.get(call.size() - 1);
        boolean acts = call.get(0).equals(acting(given));
        calls.add(!acts ? "none" : last == null ? "step" : ((Number) last).doubleValue());
      } else {
        calls.add(((Number) argument).doubleValue());
      }
    }
    return calls;
  }

  /** Of timm's two methods, the one that is not for nothing. */
  private static String acting(Case given) {
    boolean inUpdates =
        Boolean.FALSE.equals(given.arguments().get("t_in_epochs"))
            || Boolean.FALSE.equals(given.arguments().get("step_on_epochs"));
    return inUpdates ? "step_update" : "step";
  }

  private static void call(LRScheduler run, Object call) {
    if (call.equals("none")) {
      return;
    }
    if (call instanceof Double number && !(run.schedule() instanceof WarmupLR)) {
      run.step(number);
    } else if (call instanceof Double iteration) {
      run.skip((long) (iteration - run.lastEpoch()));
    } else {
      run.step();
    }
  }

  private static boolean isFunction(Case given) {
    return given.calls().method().equals("function");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void followsTheOriginal(Case given) {
    ParamGroups groups = given.groups();
    LRScheduler run = schedule(given).attach(groups);
    LARGEST.computeIfAbsent(given.file(), file -> new double[3])[0]++;
    int row = 0;
    if (!isFunction(given)) {
      compare(given, groups, row++);
    }
    for (Object call : calls(given)) {
      call(run, call);
      compare(given, groups, row++);
    }
    assertThat(row).isEqualTo(given.lr().size());
  }

  /** Plain steps lead to where step(epoch) leads, and so does a jump over all of them. */
  @ParameterizedTest
  @MethodSource("cases")
  void stepsAndSkipsAsItJumps(Case given) {
    Schedule schedule = schedule(given);
    if (schedule.needsMetric() || !(schedule instanceof ByEpochSchedule)) {
      return;
    }
    LRScheduler stepped = schedule.attach(given.groups());
    for (int step = 1; step <= 30; step++) {
      try {
        stepped.step();
      } catch (ArithmeticException refused) {
        // One step beyond the end there is nothing to decay over.
        assertThat(schedule.name()).isEqualTo("torchtitan.lr_scheduler");
        return;
      }
      LRScheduler jumped = schedule.attach(given.groups());
      jumped.step((double) step);
      assertThat(jumped.getLastLr()).as("step %s", step).isEqualTo(stepped.getLastLr());
      LRScheduler skipped = schedule.attach(given.groups());
      skipped.skip(step);
      assertThat(skipped.stateDict()).isEqualTo(stepped.stateDict());
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void comesBackFromItsMapAndGoesOnFromItsState(Case given) {
    Schedule written = schedule(given);
    Schedule schedule = Schedule.fromMap(Json.readMap(Json.write(written.toMap())));
    assertThat(schedule).isEqualTo(written).hasSameHashCodeAs(written);
    assertThat(schedule.toMap()).isEqualTo(written.toMap());
    List<Object> calls = calls(given);
    int middle = calls.size() / 2;
    ParamGroups groups = given.groups();
    LRScheduler run = schedule.attach(groups);
    calls.subList(0, middle).forEach(call -> call(run, call));
    ParamGroups fresh = given.groups();
    LRScheduler resumed =
        schedule.resume(
            fresh,
            Json.readMap(Json.write(run.stateDict())),
            Json.readMaps(Json.write(groups.stateDict())));
    for (int i = middle; i < calls.size(); i++) {
      call(resumed, calls.get(i));
      compare(given, fresh, isFunction(given) ? i : i + 1);
    }
  }

  private static void compare(Case given, ParamGroups groups, int row) {
    double largest = 1;
    for (List<Double> rates : given.lr()) {
      for (double rate : rates) {
        largest = Math.max(largest, rate);
      }
    }
    for (int group = 0; group < groups.size(); group++) {
      double own = groups.get(group).lr();
      compare(given, row, group, own, given.lr().get(row).get(group), largest);
      if (given.momentum() != null) {
        List<Double> momenta = given.momentum().get(row);
        double momentum = groups.get(group).momentum();
        compare(given, row, group, momentum, momenta.get(Math.min(group, momenta.size() - 1)), 1);
      }
    }
  }

  private static void compare(
      Case given, int row, int group, double own, double expected, double largest) {
    double tolerance = 1e-12 * Math.abs(expected) + 1e-15 * largest;
    double deviation = Math.abs(own - expected) / tolerance;
    double[] counts = LARGEST.computeIfAbsent(given.file(), file -> new double[3]);
    // A quotient of logarithms lands on a whole number or just below it.
    if (given.roundingDecides() != null && given.roundingDecides().contains(row) && deviation > 1) {
      return;
    }
    counts[1]++;
    counts[2] = Math.max(counts[2], deviation);
    if (!(deviation <= 1)) {
      fail(
          "%s %s, row %s, group %s: %s instead of %s",
          given.id(), given.arguments(), row, group, own, expected);
    }
  }
}

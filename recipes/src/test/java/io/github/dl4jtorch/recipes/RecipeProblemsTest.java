package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is wrong is told all at once, each problem with its place. */
class RecipeProblemsTest {

  private static RecipeException refused(String yaml) {
    return catchThrowableOfType(RecipeException.class, () -> Recipe.fromYaml(yaml));
  }

  @Test
  void tellsAllProblemsAtOnce() {
    RecipeException refused =
        refused(
            """
            optimizer:
              type: SGD
              lr: -1
              moment: 0.9
              nesterov: yes
              param_groups:
              - {name: head, pattern: 3}
              - {name: ' ', kind: [bias, wait]}
            shedule: 3
            schedule:
              type: SequentialLR
              schedulers:
              - type: StepLr
              - {type: CosineAnnealingLR, Tmax: 5.5, eta_min: x}
              - {type: OneCycleLR, max_lr: [1, 2], total_steps: 0, pct_start: 7}
              - {type: StepLR, step_size: -1, gamma: x, foo: 1}
              - {type: LambdaLR, lr_lambda: {table: [a]}}
              milestones: [a]
            clip_grad_norm: {max_norm: 0}
            accumulation: {remainder: keep}
            averaging: {type: em, decay: 3}
            early_stopping: [5]
            """);
    assertThat(refused)
        .hasMessage(
            """
            the recipe has 23 problems:
              optimizer.lr (line 3, column 7): must be a finite number >= 0 but was -1
              optimizer.moment (line 4, column 3): is unknown, not one of type, lr, momentum, dampening, nesterov, weight_decay, param_groups; did you mean "momentum"?
              optimizer.nesterov (line 5, column 13): must be true or false but was "yes"
              optimizer.param_groups[0].pattern (line 7, column 27): must be text that is not blank, or a list of such but was 3
              optimizer.param_groups[1].name (line 8, column 12): must be text that is not blank but was " "
              optimizer.param_groups[1].kind[1] (line 8, column 30): must be one of "weight", "bias", "normalization" but was "wait"
              shedule (line 9, column 1): is unknown, not one of optimizer, schedule, step, clip_grad_norm, clip_grad_value, accumulation, label_smoothing, averaging, early_stopping; did you mean "schedule"?
              schedule.schedulers[0].type (line 13, column 11): must name a schedule but was "StepLr"; did you mean "StepLR"?
              schedule.schedulers[1].T_max (line 14, column 5): must be a whole number but was 5.5
              schedule.schedulers[1].Tmax (line 14, column 31): is unknown; did you mean "T_max"?
              schedule.schedulers[1].eta_min (line 14, column 51): must be a number but was "x"
              schedule.schedulers[2].total_steps (line 15, column 53): must be > 0 but was 0
              schedule.schedulers[2].pct_start (line 15, column 67): must be >= 0 and <= 1 but was 7.0
              schedule.schedulers[3].step_size (line 16, column 31): must be > 0 but was -1
              schedule.schedulers[3].gamma (line 16, column 42): must be a number but was "x"
              schedule.schedulers[3].foo (line 16, column 45): is unknown
              schedule.schedulers[4].lr_lambda (line 17, column 33): "table" must be a number but was "a"
              schedule.milestones (line 18, column 15): must be a whole number but was "a"
              clip_grad_norm.max_norm (line 19, column 28): must be a number > 0 but was 0
              accumulation.batches (line 20, column 15): is missing; it must be a whole number >= 1
              accumulation.remainder (line 20, column 27): must be one of "step", "drop", "carry" but was "keep"
              averaging.type (line 21, column 19): must be one of "equal", "ema", "ema_warmup", "yolov5", "ema_pytorch", "power_ema", "last" but was "em"; did you mean "ema"?
              early_stopping (line 22, column 17): must be a map but was a list""");
    assertThat(refused.problems()).hasSize(23);
    assertThat(refused.problems().get(0))
        .isEqualTo(
            new RecipeProblem("optimizer.lr", 3, 7, "must be a finite number >= 0 but was -1"));
  }

  @Test
  void tellsThePlacesInJsonToo() {
    assertThatThrownBy(
            () ->
                Recipe.fromJson(
                    """
                    {
                    \t"optimizer": {"type": "Adam", "lr": "fast", "eps": 1e-3},
                    \t"step": "epochs"
                    }
                    """))
        .isInstanceOf(RecipeException.class)
        .hasMessage(
            """
            the recipe has 2 problems:
              optimizer.lr (line 2, column 38): must be a finite number >= 0 but was "fast"
              step (line 3, column 10): must be one of "epoch", "iteration" but was "epochs"; did you mean "epoch"?""");
  }

  @Test
  void tellsThePathsAloneInAMap() {
    assertThatThrownBy(() -> Recipe.fromMap(Map.of("optimizer", Map.of("type", "SGDD"))))
        .isInstanceOf(RecipeException.class)
        .hasMessage(
            "the recipe has a problem: optimizer.type: must be one of \"SGD\", \"Adam\", \"AdamW\","
                + " \"NAdam\", \"RAdam\", \"Adamax\", \"RMSprop\", \"Adagrad\", \"Adadelta\" but"
                + " was \"SGDD\"; did you mean \"SGD\"?");
    assertThatThrownBy(() -> Recipe.fromMap(Map.of()))
        .hasMessage("the recipe has a problem: optimizer: is missing; it must be a map");
  }

  /** Parts that are right by themselves may not fit one another. */
  @Test
  void tellsWhatDoesNotFitTogether() {
    assertThat(
            refused(
                """
                optimizer:
                  type: SGD
                  lr: 0.1
                  nesterov: true
                  param_groups:
                  - {name: a}
                  - {name: a, kind: bias, momentum: 0.5}
                schedule: {type: OneCycleLR, max_lr: [1, 2, 3], total_steps: 9}
                clip_grad_norm: {max_norm: 1}
                clip_grad_value: {clip_value: 1}
                averaging:
                  type: ema_warmup
                  decay: 0.5
                  min_decay: 0.75
                  anew_in_each_epoch: true
                  swalr: {type: SWALR, swa_lr: [1, 2, 3]}
                """))
        .hasMessage(
            """
            the recipe has 9 problems:
              optimizer.nesterov (line 4, column 13): must be false unless momentum is > 0 and dampening 0, but was true with momentum 0.0 and dampening 0.0
              optimizer.param_groups[0] (line 6, column 5): must have a pattern or a kind, since the groups after it have what is left over
              optimizer.param_groups[1].name (line 7, column 12): must be a name of its own but was "a" once more
              optimizer.param_groups[1].momentum (line 7, column 37): must be given only where the optimizer has a momentum > 0
              schedule.max_lr (line 8, column 38): must have one entry for each of the 2 param groups but has 3
              clip_grad_value (line 10, column 18): must not be beside clip_grad_norm: gradients are clipped once
              averaging.min_decay (line 14, column 14): must be <= decay, 0.5, but was 0.75
              averaging.anew_in_each_epoch (line 15, column 23): must be false where step is "epoch"
              averaging.swalr.swa_lr (line 16, column 32): must have one entry for each of the 2 param groups but has 3""");
    assertThat(
            refused(
                """
                optimizer: {type: SGD, lr: 1}
                averaging: {type: ema_pytorch, beta: 0.5, min_value: 0.75}
                """))
        .hasMessage(
            "the recipe has a problem: averaging.min_value (line 2, column 54): must be <= beta, 0.5,"
                + " but was 0.75");
    assertThat(
            refused(
                """
                optimizer: {type: SGD, lr: 1}
                averaging: {type: ema_pytorch, interval: 3}
                """))
        .hasMessageStartingWith(
            "the recipe has a problem: averaging.interval (line 2, column 32): is unknown, not one of"
                + " type, beta, update_after_step, update_every, inv_gamma,");
    assertThat(
            refused(
                """
                optimizer: {type: SGD, lr: 1}
                schedule: {type: OneCycleLR, max_lr: 1, total_steps: 9}
                """))
        .hasMessage(
            "the recipe has a problem: schedule (line 2, column 11): OneCycleLR is to cycle the"
                + " momentum, but param group 0 has neither momentum nor beta1; build it with"
                + " cycle_momentum(false)");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'optimizer: !!java.io.File /tmp/x'"
            + "| line 1, column 12: must not have tags, but has tag:yaml.org,2002:java.io.File",
        "'optimizer: &a {type: SGD}\nschedule: *a'"
            + "| line 2, column 11: must not have aliases, but has one",
        "'step: epoch\nstep: epoch' | line 2, column 1: \"step\" is given twice",
        "'step: epoch\n---\nstep: epoch' | line 2, column 1: must end after its first document",
        "'' | line 1, column 1: must be a map but is empty",
        "'step: [a' | line 1, column 9: is not YAML: expected ',' or ']', but got <stream end>",
        "'? [a]\n: b' | line 1, column 3: must have text for its keys",
        "'- a' | line 1, column 1: must be a map but was a list",
        "'step: \"\\q\"' | line 1, column 9: is not YAML: found unknown escape character q(113)",
      })
  void refusesWhatIsNoRecipeInYaml(String yaml, String problem) {
    assertThat(refused(yaml)).hasMessage("the recipe has a problem: " + problem);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'{\"step\": 1, \"step\": 2}' | line 1, column 13: \"step\" is given twice",
        "'{} {}' | line 1, column 4: must end after its first value",
        "'' | line 1, column 1: must be a map but is empty",
        "'{\"a\": NaN}' | line 1, column 10: is not JSON: Non-standard token 'NaN'",
        "'[1' | line 1, column 3: is not JSON: Unexpected end-of-input: expected close marker for"
            + " Array",
        "'3' | line 1, column 1: must be a map but was 3",
      })
  void refusesWhatIsNoRecipeInJson(String json, String problem) {
    assertThatThrownBy(() -> Recipe.fromJson(json))
        .isInstanceOf(RecipeException.class)
        .hasMessage("the recipe has a problem: " + problem);
  }

  @Test
  void refusesWhatIsNestedTooDeep() {
    String deep = "[".repeat(100_000);
    assertThat(refused(deep))
        .hasMessage(
            "the recipe has a problem: line 1, column 252: must be nested at most 250 deep");
    assertThatThrownBy(() -> Recipe.fromJson(deep))
        .isInstanceOf(RecipeException.class)
        .hasMessage(
            "the recipe has a problem: line 1, column 252: must be nested at most 250 deep");
    Map<String, Object> map = Map.of();
    for (int i = 0; i < 300; i++) {
      map = Map.of("optimizer", map);
    }
    Map<String, Object> tooDeep = map;
    assertThatThrownBy(() -> Recipe.fromMap(tooDeep))
        .isInstanceOf(RecipeException.class)
        .hasMessage("the recipe has a problem: must be nested at most 250 deep");
  }

  @Test
  void tellsOfSchedulesThatAreNestedTooDeep() {
    String schedule = "{type: StepLR, step_size: 1}";
    for (int i = 0; i < 105; i++) {
      schedule = "{type: ChainedScheduler, schedulers: [" + schedule + "]}";
    }
    assertThat(refused("optimizer: {type: SGD, lr: 1}\nschedule: " + schedule).problems())
        .extracting(RecipeProblem::message)
        .containsExactly("schedules must be nested at most 100 deep but were deeper");
  }

  @Test
  void refusesWhatIsNoText(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("recipe.yaml"), new byte[] {'a', (byte) 0xff});
    assertThatThrownBy(() -> Recipe.read(file))
        .isInstanceOf(RecipeException.class)
        .hasMessage("the recipe has a problem: line 1, column 1: is not text in UTF-8");
  }

  @Test
  void refusesFilesOfOtherKinds() {
    assertThatThrownBy(() -> Recipe.read(Path.of("recipe.txt")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("file must end in .yaml, .yml or .json but was recipe.txt");
    Recipe recipe = Recipe.fromYaml("optimizer: {type: SGD, lr: 1}");
    assertThatThrownBy(() -> recipe.write(Path.of("recipe")))
        .hasMessage("file must end in .yaml, .yml or .json but was recipe");
  }

  @Test
  void holdsEveryKindOfNumberThatYamlHas() {
    for (String lr : List.of("1e-3", "0.001", "1E-3", ".001", "+1.0e-3", "10e-4")) {
      assertThat(Recipe.fromYaml("optimizer: {type: SGD, lr: " + lr + "}").toMap())
          .isEqualTo(
              Recipe.fromJson("{\"optimizer\": {\"type\": \"SGD\", \"lr\": 0.001}}").toMap());
    }
    assertThat(Recipe.fromYaml("{optimizer: {type: SGD, lr: 1}, clip_grad_norm: {max_norm: .inf}}"))
        .isEqualTo(
            Recipe.fromJson(
                """
                {"optimizer": {"type": "SGD", "lr": 1}, "clip_grad_norm": {"max_norm": "Infinity"}}
                """));
  }
}

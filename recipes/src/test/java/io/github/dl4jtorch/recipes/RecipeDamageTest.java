package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A damaged file is a {@link RecipeException} or a right read, and nothing else. */
class RecipeDamageTest {

  private static final String YAML =
      """
      # a recipe with everything in it
      optimizer:
        type: SGD
        lr: 1e-1
        momentum: 0.9
        nesterov: true
        weight_decay: 5e-4
        param_groups:
        - name: "no decay"
          kind: [bias, normalization]
          weight_decay: 0
        - {name: head, pattern: 'out*', lr: 0.5}
        - {name: backbone}
      schedule:
        type: SequentialLR
        schedulers:
        - {type: LinearLR, start_factor: 0.01, total_iters: 5}
        - type: ChainedScheduler
          schedulers:
          - {type: CosineAnnealingLR, T_max: 85, eta_min: 1e-5}
          - {type: LambdaLR, lr_lambda: {exponential: {gamma: 0.99}}}
        - {type: OneCycleLR, max_lr: [0.1, 0.2, 0.3], total_steps: 7}
        milestones: [5, 60]
      step: epoch
      clip_grad_norm: {max_norm: 1.0, norm_type: .inf, error_if_nonfinite: true}
      accumulation: {batches: 4, remainder: drop, summed: true}
      label_smoothing: 0.1
      averaging:
        type: ema_warmup
        decay: 0.999
        start: 60
        interval: 2
        swalr: {type: SWALR, swa_lr: 0.05}
      early_stopping: {patience: 10, min_delta: 1e-3, max_epochs: 100}
      """;

  private static final List<String> WORDS =
      List.of(
          "type",
          "lr",
          "-",
          ": ",
          "{",
          "}",
          "[",
          "]",
          "\n",
          "  ",
          "\t",
          "\"",
          "'",
          "null",
          "~",
          "true",
          "-1",
          "0",
          "1e999",
          ".nan",
          ".inf",
          "99999999999",
          "0x10",
          "!!str ",
          "&a ",
          "*a",
          "<<: ",
          "---\n",
          "%",
          "#",
          "StepLR",
          "SGD",
          "\u0000",
          "\ud83d",
          "é",
          "? ",
          "|\n",
          ">",
          ",",
          "schedulers",
          "java.lang.Runtime",
          "lr_lambda",
          "table",
          "\\u0041",
          "Infinity");

  @Test
  void isRefusedOrReadRight() {
    damage(400);
  }

  @Test
  @Tag("long")
  void isRefusedOrReadRightTenThousandTimes() {
    damage(10_000);
  }

  private static void damage(int times) {
    long seed = Long.getLong("random.seed", System.nanoTime());
    System.out.println("RecipeDamageTest: -Drandom.seed=" + seed);
    Random random = new Random(seed);
    String json = Recipe.fromYaml(YAML).toJson();
    int read = 0;
    for (int i = 0; i < times; i++) {
      boolean isYaml = random.nextBoolean();
      String damaged = isYaml ? YAML : json;
      for (int hits = 1 + random.nextInt(3); hits > 0; hits--) {
        damaged = damaged(damaged, random);
      }
      if (isRead(damaged, isYaml ? Recipe::fromYaml : Recipe::fromJson, seed, i)) {
        read++;
      }
    }
    assertThat(read).isBetween(1, times - 1);
  }

  private static boolean isRead(String damaged, Function<String, Recipe> reader, long seed, int i) {
    Recipe recipe;
    try {
      recipe = reader.apply(damaged);
    } catch (RecipeException refused) {
      assertThat(refused.problems()).isNotEmpty();
      assertThat(refused.problems()).allMatch(problem -> problem.line() > 0);
      assertThat(refused.problems()).allMatch(problem -> problem.column() > 0);
      return false;
    } catch (RuntimeException | StackOverflowError other) {
      return fail("seed " + seed + ", damage " + i + ":\n" + damaged, other);
    }
    assertThat(Recipe.fromMap(recipe.toMap())).isEqualTo(recipe);
    assertThat(Recipe.fromYaml(recipe.toYaml())).isEqualTo(recipe);
    assertThat(Recipe.fromJson(recipe.toJson())).isEqualTo(recipe);
    return true;
  }

  private static String damaged(String text, Random random) {
    int from = random.nextInt(text.length() + 1);
    int to = Math.min(text.length(), from + random.nextInt(12));
    String word = WORDS.get(random.nextInt(WORDS.size()));
    List<UnaryOperator<String>> kinds =
        List.of(
            whole -> whole.substring(0, from) + whole.substring(to),
            whole -> whole.substring(0, from) + word + whole.substring(from),
            whole -> whole.substring(0, from) + word + whole.substring(to),
            whole -> whole.substring(0, from),
            whole -> whole.substring(0, to) + whole.substring(from),
            whole -> withoutLine(whole, random),
            whole ->
                whole.substring(0, from)
                    + (char) random.nextInt(0x180)
                    + whole.substring(Math.min(whole.length(), from + 1)));
    return kinds.get(random.nextInt(kinds.size())).apply(text);
  }

  private static String withoutLine(String text, Random random) {
    List<String> lines = new ArrayList<>(text.lines().toList());
    if (!lines.isEmpty()) {
      lines.remove(random.nextInt(lines.size()));
    }
    return String.join("\n", lines);
  }
}

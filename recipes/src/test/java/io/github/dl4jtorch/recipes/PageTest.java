package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The files in {@code docs/recipe-files.md} are what it says. */
class PageTest {

  private static String page() throws IOException {
    return Files.readString(Path.of("../docs/recipe-files.md"));
  }

  private static List<String> blocks(String language) throws IOException {
    return Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
        .matcher(page())
        .results()
        .map(block -> block.group(1))
        .toList();
  }

  @Test
  void theFirstFileIsRead() throws IOException {
    Recipe recipe = Recipe.fromYaml(blocks("yaml").get(0));
    assertThat(recipe.toMap().keySet())
        .containsExactly(
            "optimizer",
            "schedule",
            "step",
            "clip_grad_norm",
            "accumulation",
            "label_smoothing",
            "averaging",
            "early_stopping");
    assertThat(Recipe.fromYaml(recipe.toYaml())).isEqualTo(recipe).hasSameHashCodeAs(recipe);
    assertThat(recipe).hasToString(recipe.toMap().toString());
  }

  @Test
  void theSecondFileHasTheseProblems() throws IOException {
    assertThat(blocks("yaml")).hasSize(2);
    assertThatThrownBy(() -> Recipe.fromYaml(blocks("yaml").get(1)))
        .isInstanceOf(RecipeException.class)
        .hasMessage(blocks("text").get(0).strip());
  }

  @Test
  void theTableHasEveryWord() throws IOException {
    String page = page();
    assertThat(Words.RECIPE.keys())
        .allSatisfy(key -> assertThat(page).contains('`' + key.name() + '`'));
    assertThat(Words.OPTIMIZER.keys().keySet())
        .allSatisfy(type -> assertThat(page).contains('`' + type + '`'));
    assertThat(Words.AVERAGING.keys().values())
        .allSatisfy(
            keys ->
                assertThat(keys)
                    .filteredOn(
                        key ->
                            !List.of(
                                    "min_decay",
                                    "warmup_gamma",
                                    "warmup_power",
                                    "tau",
                                    "beta",
                                    "update_after_step",
                                    "inv_gamma",
                                    "power",
                                    "min_value")
                                .contains(key.name()))
                    .allSatisfy(key -> assertThat(page).contains('`' + key.name() + '`')));
  }
}

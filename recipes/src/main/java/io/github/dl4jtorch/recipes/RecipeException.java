package io.github.dl4jtorch.recipes;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Thrown when a recipe cannot be used. It knows all that is wrong, each with its place, and nothing
 * has been changed when it is thrown.
 */
public final class RecipeException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  private final List<RecipeProblem> problems;

  RecipeException(List<RecipeProblem> problems) {
    super(message(problems));
    this.problems = List.copyOf(problems);
  }

  private static String message(List<RecipeProblem> problems) {
    String all = problems.stream().map(RecipeProblem::toString).collect(Collectors.joining("\n  "));
    return problems.size() == 1
        ? "the recipe has a problem: " + all
        : "the recipe has " + problems.size() + " problems:\n  " + all;
  }

  /**
   * Returns what is wrong.
   *
   * @return one problem or more, in the order of the recipe
   */
  public List<RecipeProblem> problems() {
    return problems;
  }
}

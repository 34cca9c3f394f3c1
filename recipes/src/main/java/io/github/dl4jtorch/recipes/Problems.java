package io.github.dl4jtorch.recipes;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Collects what is wrong with a recipe. */
final class Problems {

  private final List<RecipeProblem> found = new ArrayList<>();

  void add(String path, int line, int column, String message) {
    found.add(new RecipeProblem(path, line, column, message));
  }

  void add(String path, Tree at, String message) {
    add(path, at.line(), at.column(), message);
  }

  void add(String path, Tree.Field at, String message) {
    add(path, at.line(), at.column(), message);
  }

  int count() {
    return found.size();
  }

  void refuse() {
    if (!found.isEmpty()) {
      found.sort(
          Comparator.comparingInt(RecipeProblem::line).thenComparingInt(RecipeProblem::column));
      throw new RecipeException(found);
    }
  }
}

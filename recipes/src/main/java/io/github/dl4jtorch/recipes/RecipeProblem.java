package io.github.dl4jtorch.recipes;

import java.io.Serializable;

/**
 * Something in a recipe that cannot be used.
 *
 * @param path where it is, as {@code schedule.schedulers[1].T_max}; empty for the recipe itself
 * @param line the line in the file, from 1; 0 if there is no file
 * @param column the column in the line, from 1; 0 if there is no file
 * @param message what is wrong, and what is legal
 */
public record RecipeProblem(String path, int line, int column, String message)
    implements Serializable {

  /** Returns place and message in one line. */
  @Override
  public String toString() {
    String place = line == 0 ? "" : "line " + line + ", column " + column;
    if (path.isEmpty()) {
      return place.isEmpty() ? message : place + ": " + message;
    }
    return path + (place.isEmpty() ? "" : " (" + place + ")") + ": " + message;
  }
}

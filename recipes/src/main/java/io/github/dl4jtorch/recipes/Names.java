package io.github.dl4jtorch.recipes;

import java.util.Collection;
import java.util.Locale;

/** Finds the known name that is nearest to an unknown one. */
final class Names {

  private Names() {}

  /** Returns the nearest name as a question, or nothing if none is near. */
  static String didYouMean(String word, Collection<String> known) {
    String nearest = "";
    for (String name : known) {
      if (nearest.isEmpty() || edits(word, name) < edits(word, nearest)) {
        nearest = name;
      }
    }
    return isMisspelt(word, nearest) ? "; did you mean \"" + nearest + "\"?" : "";
  }

  /** Tells whether a word is a name with a slip or two. */
  static boolean isMisspelt(String word, String name) {
    return edits(word, name) <= Math.max(1, name.length() / 3);
  }

  private static int edits(String first, String second) {
    String from = first.toLowerCase(Locale.ROOT);
    String to = second.toLowerCase(Locale.ROOT);
    int[] row = new int[to.length() + 1];
    for (int i = 0; i <= from.length(); i++) {
      int diagonal = i - 1;
      for (int j = 0; j <= to.length(); j++) {
        int above = row[j];
        if (i == 0 || j == 0) {
          row[j] = i + j;
        } else {
          int substituted = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
          row[j] = Math.min(substituted, Math.min(above, row[j - 1]) + 1);
        }
        diagonal = above;
      }
    }
    return row[to.length()];
  }
}

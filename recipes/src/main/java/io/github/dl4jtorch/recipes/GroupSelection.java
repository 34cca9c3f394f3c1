package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.adapter.NetworkParam;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Which parameters a param group has.
 *
 * @param patterns names of layers, where * is any text and ? any letter; empty for all
 * @param kinds which of their parameters; empty for all
 */
record GroupSelection(List<String> patterns, List<String> kinds)
    implements Predicate<NetworkParam> {

  static GroupSelection of(Part group) {
    return new GroupSelection(group.texts("pattern"), group.texts("kind"));
  }

  /** Returns what each group has: a parameter is in the first that selects it. */
  static List<Predicate<NetworkParam>> firsts(List<GroupSelection> selections) {
    List<Predicate<NetworkParam>> firsts = new ArrayList<>();
    for (int i = 0; i < selections.size(); i++) {
      List<GroupSelection> before = selections.subList(0, i);
      GroupSelection own = selections.get(i);
      firsts.add(
          param -> own.test(param) && before.stream().noneMatch(earlier -> earlier.test(param)));
    }
    return firsts;
  }

  boolean isAll() {
    return kinds.isEmpty()
        && (patterns.isEmpty() || patterns.stream().anyMatch(pattern -> pattern.matches("\\*+")));
  }

  @Override
  public boolean test(NetworkParam param) {
    return (patterns.isEmpty()
            || patterns.stream().anyMatch(pattern -> matches(pattern, param.layer())))
        && (kinds.isEmpty() || kinds.stream().anyMatch(kind -> isOf(kind, param)));
  }

  private static boolean isOf(String kind, NetworkParam param) {
    return switch (kind) {
      case "weight" -> param.isWeight();
      case "bias" -> param.isBias();
      default -> param.isNormalization();
    };
  }

  /** Goes back to the last * when a letter does not fit, so that time stays bounded. */
  private static boolean matches(String pattern, String text) {
    int p = 0;
    int star = -1;
    int after = 0;
    for (int t = 0; t < text.length(); ) {
      if (p < pattern.length() && pattern.charAt(p) == '*') {
        star = p++;
        after = t;
      } else if (p < pattern.length()
          && (pattern.charAt(p) == '?' || pattern.charAt(p) == text.charAt(t))) {
        p++;
        t++;
      } else if (star >= 0) {
        p = star + 1;
        t = ++after;
      } else {
        return false;
      }
    }
    return pattern.substring(p).chars().allMatch(letter -> letter == '*');
  }
}

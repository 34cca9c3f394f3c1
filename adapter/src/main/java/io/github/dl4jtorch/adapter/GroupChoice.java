package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/**
 * Which parameter goes where: into one of the groups, or to what is frozen.
 *
 * @param selections which parameters each group has; none for one group of all that is not frozen
 * @param frozen which parameters are frozen
 * @param names what the groups are called
 */
record GroupChoice(
    List<Predicate<NetworkParam>> selections,
    List<Predicate<NetworkParam>> frozen,
    GroupNames names) {

  /** Stands for the group of a parameter that is in none. */
  static final int NO_GROUP = -1;

  /** Stands for the group of the parameters that are kept as they are. */
  static final int FROZEN = -2;

  /** Returns the group of each parameter where each layer with a learning rate is one. */
  static int[] byLayer(List<UpdaterBlocks.Param> params) {
    int[] groups = new int[params.size()];
    Arrays.fill(groups, NO_GROUP);
    List<Object> layers = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (params.get(i).hasRate()) {
        Object layer = params.get(i).config();
        if (layers.isEmpty() || layers.get(layers.size() - 1) != layer) {
          layers.add(layer);
        }
        groups[i] = layers.size() - 1;
      }
    }
    return groups;
  }

  /**
   * Returns the group of each parameter.
   *
   * @throws IllegalArgumentException if one with a learning rate is in none or in two, or a group
   *     or what is frozen is empty
   */
  int[] groups(List<UpdaterBlocks.Param> params) {
    int[] groups = new int[params.size()];
    // Without a choice there is one group.
    int[] sizes = new int[Math.max(1, selections.size())];
    boolean isFrozenEmpty = !frozen.isEmpty();
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param param = params.get(i);
      NetworkParam named = UpdaterSlots.named(param.config(), param.name());
      boolean isFrozen = frozen.stream().anyMatch(selection -> selection.test(named));
      groups[i] = NO_GROUP;
      for (int group = 0; group < selections.size(); group++) {
        if (selections.get(group).test(named)) {
          if (param.hasRate() && (isFrozen || groups[i] != NO_GROUP)) {
            throw new IllegalArgumentException(
                named
                    + " must be in one param group but is "
                    + (isFrozen ? "frozen and in " : "in " + names.shortened(groups[i]) + " and ")
                    + names.shortened(group));
          }
          groups[i] = group;
          sizes[group]++;
        }
      }
      if (isFrozen && param.hasRate()) {
        groups[i] = FROZEN;
        isFrozenEmpty = false;
      } else if (selections.isEmpty()) {
        groups[i] = 0;
        sizes[0]++;
      }
    }
    requireAllIn(params, groups);
    for (int group = 0; group < sizes.length; group++) {
      if (sizes[group] == 0) {
        throw new IllegalArgumentException(
            names.of(group) + " must have a parameter but selects none of " + params);
      }
    }
    if (isFrozenEmpty) {
      throw new IllegalArgumentException(
          "frozen must select a parameter with a learning rate but selects none of " + params);
    }
    return groups;
  }

  private static void requireAllIn(List<UpdaterBlocks.Param> params, int[] groups) {
    List<UpdaterBlocks.Param> missing = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (params.get(i).hasRate() && groups[i] == NO_GROUP) {
        missing.add(params.get(i));
      }
    }
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          "every parameter with a learning rate must be in a param group, but in none is "
              + missing);
    }
  }
}

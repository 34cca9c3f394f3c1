package io.github.dl4jtorch.schedules;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;

/**
 * The param groups of one optimizer. Groups can be added, as with PyTorch's {@code
 * add_param_group}, but not removed or replaced.
 *
 * <pre>{@code
 * ParamGroups groups = ParamGroups.of(ParamGroup.adam(1e-3, 0.9), ParamGroup.adam(1e-4, 0.9));
 * groups.get(1).setLr(2e-4);
 * }</pre>
 */
public class ParamGroups extends AbstractList<ParamGroup> implements RandomAccess {

  private final List<ParamGroup> groups;

  /**
   * Makes an optimizer's groups.
   *
   * @param groups one or more groups
   * @throws IllegalArgumentException if there is none, or one is given twice
   */
  protected ParamGroups(List<ParamGroup> groups) {
    if (groups.isEmpty()) {
      throw new IllegalArgumentException("groups must hold at least one param group but was []");
    }
    this.groups = new ArrayList<>(groups.size());
    groups.forEach(this::append);
  }

  /**
   * Makes an optimizer's groups.
   *
   * @param groups one or more groups
   * @return the groups, in this order
   * @throws IllegalArgumentException if there is none, or one is given twice
   */
  public static ParamGroups of(ParamGroup... groups) {
    return new ParamGroups(List.of(groups));
  }

  /**
   * Makes an optimizer's groups.
   *
   * @param groups one or more groups
   * @return the groups, in this order
   * @throws IllegalArgumentException if there is none, or one is given twice
   */
  public static ParamGroups of(List<ParamGroup> groups) {
    return new ParamGroups(groups);
  }

  @Override
  public ParamGroup get(int index) {
    return groups.get(index);
  }

  @Override
  public int size() {
    return groups.size();
  }

  /**
   * Adds a group, as PyTorch's {@code add_param_group}. Schedules that work from the current rate
   * take it along from their next step on. Those that need a base rate or bounds for every group
   * refuse their next step; attach them anew.
   *
   * @param group a group that is not among these yet
   * @return true
   * @throws IllegalArgumentException if the group is among these already
   */
  @Override
  public boolean add(ParamGroup group) {
    append(group);
    return true;
  }

  /**
   * Returns the groups as PyTorch's {@code optimizer.state_dict()} has them under {@code
   * param_groups}, less the parameters.
   *
   * @return a new list with one map a group
   */
  public List<Map<String, Object>> stateDict() {
    return groups.stream().map(ParamGroup::stateDict).toList();
  }

  /**
   * Restores the groups from what {@link #stateDict()} or PyTorch's optimizer gave. Keys that no
   * scheduler knows, like {@code weight_decay}, are passed over.
   *
   * @param state one map a group
   * @throws MalformedDataException if the number of groups differs, or a number is missing or not
   *     finite; nothing is changed
   */
  public void loadStateDict(List<? extends Map<String, ?>> state) {
    restore(read(state));
  }

  /** Returns groups with the same values, which no optimizer follows. */
  ParamGroups copy() {
    return new ParamGroups(groups.stream().map(ParamGroup::copy).toList());
  }

  /** Reads and checks without changing anything. */
  List<ParamGroup.Saved> read(List<? extends Map<String, ?>> state) {
    if (state.size() != groups.size()) {
      throw new MalformedDataException(
          "the state holds " + state.size() + " param groups and there are " + groups.size());
    }
    List<ParamGroup.Saved> saved = new ArrayList<>(groups.size());
    for (int group = 0; group < groups.size(); group++) {
      // What was read from a file may hold anything, whatever the list's type says.
      Object entry = ((List<?>) state).get(group);
      if (!(entry instanceof Map<?, ?> map)) {
        throw new MalformedDataException(
            label(group) + " must be a map but was " + Arguments.shown(entry));
      }
      saved.add(groups.get(group).read(group, map));
    }
    return saved;
  }

  void restore(List<ParamGroup.Saved> saved) {
    for (int group = 0; group < groups.size(); group++) {
      groups.get(group).restore(saved.get(group));
    }
  }

  /** Refuses groups without a momentum where one is wanted. */
  void requireMomentum(String wanted, String otherwise) {
    for (int group = 0; group < groups.size(); group++) {
      if (groups.get(group).momentumKind() == MomentumKind.NONE) {
        throw new IllegalArgumentException(
            wanted
                + ", but param group "
                + group
                + " has "
                + groups.get(group).insteadOfMomentum()
                + "; "
                + otherwise);
      }
    }
  }

  /** Returns what messages call a group. */
  String label(int group) {
    return get(group).label(group);
  }

  private void append(ParamGroup group) {
    for (ParamGroup present : groups) {
      if (present == group) {
        throw new IllegalArgumentException(
            "group must not be among the param groups already but is group "
                + groups.indexOf(group));
      }
    }
    groups.add(group);
  }
}

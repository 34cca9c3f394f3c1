package io.github.dl4jtorch.adapter;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the param groups of a network are called, by their numbers. */
final class GroupNames {

  private final List<@Nullable String> names = new ArrayList<>();

  GroupNames(List<GroupStart> starts) {
    starts.forEach(start -> names.add(start.name()));
  }

  /** Makes the names of groups that have none. */
  GroupNames() {}

  /**
   * Makes sure that a later group can have a name.
   *
   * @throws IllegalArgumentException if another group has it
   */
  void requireNew(@Nullable String name) {
    if (name != null && names.contains(name)) {
      throw new IllegalArgumentException(
          "name must be one that no other param group has but was \"" + name + "\"");
    }
  }

  void add(@Nullable String name) {
    names.add(name);
  }

  /** Returns the name that was given to a group, null if none was. */
  @Nullable String given(int group) {
    return group >= 0 && group < names.size() ? names.get(group) : null;
  }

  /** Returns the name in quotes, or the number. */
  String shortened(int group) {
    String given = given(group);
    return given == null ? String.valueOf(group) : "\"" + given + "\"";
  }

  /** Names a group, or what is frozen. */
  String of(int group) {
    return group == GroupChoice.FROZEN
        ? "the frozen parameters"
        : "param group " + shortened(group);
  }

  /** Names two groups, of which one may be that of the frozen parameters. */
  String pair(int group, int other) {
    if (group == GroupChoice.FROZEN || other == GroupChoice.FROZEN) {
      return of(Math.max(group, other)) + " and the frozen parameters";
    }
    return "param groups " + shortened(group) + " and " + shortened(other);
  }

  /** Refuses a name that shows nothing. */
  static String requireName(@Nullable String name) {
    if (name == null) {
      throw new NullPointerException("name must be given but was null");
    }
    if (name.isBlank()) {
      throw new IllegalArgumentException("name must not be blank but was \"" + name + "\"");
    }
    return name;
  }
}

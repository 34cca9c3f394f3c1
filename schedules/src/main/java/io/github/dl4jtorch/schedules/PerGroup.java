package io.github.dl4jtorch.schedules;

import java.io.Serializable;
import java.util.Collections;
import java.util.List;

/**
 * An argument that is either one value for all groups or a list with one value a group, as PyTorch
 * takes for {@code max_lr} and its like. The two forms stay apart: {@code 0.1} is not equal to
 * {@code [0.1]}.
 *
 * <pre>{@code
 * PerGroup<Double> everywhere = PerGroup.same(0.1);
 * PerGroup<Double> backboneAndHead = PerGroup.each(List.of(0.01, 0.1));
 * }</pre>
 *
 * @param <T> what is given, a number or a function
 * @param values the values: one entry if {@code isScalar}, otherwise one a group
 * @param isScalar whether the one value stands for all groups
 */
public record PerGroup<T>(List<T> values, boolean isScalar) implements Serializable {

  /**
   * Checks and copies the list.
   *
   * @param values the values: one entry if {@code isScalar}, otherwise one a group
   * @param isScalar whether the one value stands for all groups
   * @throws IllegalArgumentException if the list is empty, or holds several values for a scalar
   */
  public PerGroup {
    values = List.copyOf(values);
    if (values.isEmpty()) {
      throw new IllegalArgumentException(
          "a list must have one entry for each param group but was []");
    }
    if (isScalar && values.size() != 1) {
      throw new IllegalArgumentException("a scalar must be one value but was " + values);
    }
  }

  /**
   * Gives all groups the same value.
   *
   * @param <T> what is given
   * @param value the value
   * @return the scalar form
   */
  public static <T> PerGroup<T> same(T value) {
    return new PerGroup<>(List.of(value), true);
  }

  /**
   * Gives each group its own value.
   *
   * @param <T> what is given
   * @param values one value a group
   * @return the list form
   * @throws IllegalArgumentException if the list is empty
   */
  public static <T> PerGroup<T> each(List<? extends T> values) {
    return new PerGroup<>(List.copyOf(values), false);
  }

  /**
   * Returns the value for one group.
   *
   * @param group the group's index
   * @return its value
   */
  public T get(int group) {
    return values.get(isScalar ? 0 : group);
  }

  /**
   * Returns what a definition writes.
   *
   * @return the value, or the list of values
   */
  public Object toValue() {
    return isScalar ? values.get(0) : values;
  }

  /** Returns one value for each of {@code groups} groups. */
  List<T> expand(int groups) {
    return isScalar ? Collections.nCopies(groups, values.get(0)) : values;
  }

  /**
   * Refuses a list whose length is not the number of groups.
   *
   * @param name the argument's name
   * @param groups the optimizer's groups
   * @throws IllegalArgumentException if it does not fit
   */
  public void requireFits(String name, ParamGroups groups) {
    if (!isScalar && values.size() != groups.size()) {
      throw new IllegalArgumentException(
          name
              + " must have one entry for each of the "
              + groups.size()
              + " param groups but has "
              + values.size());
    }
  }

  /** Returns the value or the list of values as text. */
  @Override
  public String toString() {
    return toValue().toString();
  }
}

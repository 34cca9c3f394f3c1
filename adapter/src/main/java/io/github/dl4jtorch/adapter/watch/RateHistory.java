package io.github.dl4jtorch.adapter.watch;

import io.github.dl4jtorch.adapter.NetworkParam;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The rates and momenta of the updates so far, in one series for all parameters that have always
 * had the same. A series is split where they part, and each part keeps the past.
 */
final class RateHistory {

  /** Stands for the series of a parameter that has no rate. */
  static final int NO_SERIES = -1;

  /** More than so many layers or parameters are counted in a name, not listed. */
  private static final int LISTED = 3;

  /** What happened to parameters that went together, in rows and in the update at hand. */
  private static final class Series {
    private final @Nullable Integer group;
    private double[] lrs;
    private double[] momenta;
    // Of the update at hand, and of the one before.
    private double lr = Double.NaN;
    private double momentum = Double.NaN;
    private double formerLr = Double.NaN;
    private double formerMomentum = Double.NaN;
    // What was said last, and whether something changed since.
    private double toldLr = Double.NaN;
    private double toldMomentum = Double.NaN;
    private boolean isChanging;
    // False until something is read for the update at hand.
    private boolean isRead;

    private Series(@Nullable Integer group, int capacity) {
      this.group = group;
      this.lrs = filled(capacity);
      this.momenta = filled(capacity);
    }

    private Series(Series source) {
      this.group = source.group;
      this.lrs = source.lrs.clone();
      this.momenta = source.momenta.clone();
      this.formerLr = source.formerLr;
      this.formerMomentum = source.formerMomentum;
      this.toldLr = source.toldLr;
      this.toldMomentum = source.toldMomentum;
      this.isChanging = source.isChanging;
    }

    private static double[] filled(int capacity) {
      double[] values = new double[capacity];
      Arrays.fill(values, Double.NaN);
      return values;
    }

    private void set(double lr, double momentum) {
      this.lr = lr;
      this.momentum = momentum;
      isRead = true;
    }

    private boolean is(double lr, double momentum) {
      return Double.compare(this.lr, lr) == 0 && Double.compare(this.momentum, momentum) == 0;
    }

    private boolean hasChanged() {
      return differ(lr, formerLr) || differ(momentum, formerMomentum);
    }

    /** Tells whether something is to be said: not of one change right after another. */
    private boolean isToBeTold(boolean isEpochStart) {
      return (isEpochStart || !isChanging || !hasChanged())
          && (differ(lr, toldLr) || differ(momentum, toldMomentum));
    }

    private String change() {
      List<String> changes = new ArrayList<>();
      if (differ(lr, toldLr)) {
        changes.add("learning rate from " + toldLr + " to " + lr);
      }
      if (differ(momentum, toldMomentum)) {
        changes.add("momentum from " + toldMomentum + " to " + momentum);
      }
      return String.join(", ", changes);
    }

    private void told() {
      toldLr = Double.isNaN(lr) ? toldLr : lr;
      toldMomentum = Double.isNaN(momentum) ? toldMomentum : momentum;
    }

    /** NaN stands for none, and that one comes or goes is no change. */
    private static boolean differ(double present, double former) {
      return present != former && !Double.isNaN(present) && !Double.isNaN(former);
    }
  }

  private final List<NetworkParam> params;
  private final List<String> names;
  private final int[] seriesOf;
  private final List<Series> series = new ArrayList<>();
  private int[] iterations = new int[16];
  private int[] epochs = new int[16];
  // What else belongs to a row, and where from, by its names.
  private final Map<String, DoubleSupplier> sources;
  private final Map<String, double[]> columns = new LinkedHashMap<>();
  private int rows;
  // How many series there were before the update at hand.
  private int known;
  // Null when a parameter has changed its series since they were asked for.
  private @Nullable List<String> seriesNames;

  /**
   * Begins without a row.
   *
   * @param params all parameters of the network
   * @param groups the group of each parameter that has a rate, or {@link #NO_SERIES}; all 0 if
   *     there are no groups
   * @param names what the groups are called, empty if there are none
   * @param columns what else is kept in a row, by its names
   */
  RateHistory(
      List<NetworkParam> params,
      int[] groups,
      List<String> names,
      Map<String, DoubleSupplier> columns) {
    this.names = names;
    this.params = params;
    this.seriesOf = groups.clone();
    this.sources = columns;
    columns.keySet().forEach(name -> this.columns.put(name, new double[iterations.length]));
    for (int group = 0; group < Math.max(1, names.size()); group++) {
      series.add(new Series(names.isEmpty() ? null : group, iterations.length));
    }
  }

  /** Returns the series of a parameter, {@link #NO_SERIES} if it had no rate so far. */
  int seriesOf(int param) {
    return seriesOf[param];
  }

  /** Adds a series for parameters that have come to have a rate, and returns its number. */
  int add() {
    series.add(new Series(null, iterations.length));
    seriesNames = null;
    return series.size() - 1;
  }

  /** Puts a parameter into a series. */
  void put(int param, int number) {
    seriesOf[param] = number;
    seriesNames = null;
  }

  /** Begins to take what an update uses. */
  void begin() {
    known = series.size();
    for (int i = 0; i < known; i++) {
      series.get(i).set(Double.NaN, Double.NaN);
      series.get(i).isRead = false;
    }
  }

  /**
   * Takes what an update uses for parameters of one series.
   *
   * @return the series they are in from now on: another one if they have left theirs, that of
   *     others that went the same way just now or a new one
   */
  int take(int number, List<Integer> members, double lr, double momentum) {
    Series home = series.get(number);
    if (!home.isRead) {
      home.set(lr, momentum);
      return number;
    }
    if (home.is(lr, momentum)) {
      return number;
    }
    int target = known;
    while (target < series.size()
        && !(series.get(target).is(lr, momentum)
            && Objects.equals(series.get(target).group, home.group))) {
      target++;
    }
    if (target == series.size()) {
      Series parted = new Series(home);
      parted.set(lr, momentum);
      series.add(parted);
    }
    for (int member : members) {
      put(member, target);
    }
    return target;
  }

  /** Returns how many rows there are. */
  int rows() {
    return rows;
  }

  /** Returns the epoch of the last row, of which there must be one. */
  int lastEpoch() {
    return epochs[rows - 1];
  }

  /** Keeps what was taken as a row. */
  void keep(int iteration, int epoch) {
    if (rows == iterations.length) {
      int capacity = rows + rows / 2;
      iterations = Arrays.copyOf(iterations, capacity);
      epochs = Arrays.copyOf(epochs, capacity);
      columns.replaceAll((name, values) -> Arrays.copyOf(values, capacity));
      for (Series each : series) {
        each.lrs = Arrays.copyOf(each.lrs, capacity);
        each.momenta = Arrays.copyOf(each.momenta, capacity);
      }
    }
    iterations[rows] = iteration;
    epochs[rows] = epoch;
    columns.forEach((name, values) -> values[rows] = source(name).getAsDouble());
    for (int i = 0; i < series.size(); i++) {
      series.get(i).lrs[rows] = series.get(i).lr;
      series.get(i).momenta[rows] = series.get(i).momentum;
    }
    rows++;
  }

  /** Puts a number into a column of the last row, of which there must be one. */
  void put(String column, double value) {
    column(column)[rows - 1] = value;
  }

  /** Returns a row, under the names that the series have at present. */
  TrainingRow row(int row) {
    Map<String, Double> lrs = new LinkedHashMap<>();
    Map<String, Double> momenta = new LinkedHashMap<>();
    for (int i = 0; i < series.size(); i++) {
      put(lrs, names().get(i), series.get(i).lrs[row]);
      put(momenta, names().get(i), series.get(i).momenta[row]);
    }
    Map<String, Double> others = new LinkedHashMap<>();
    columns.forEach((name, values) -> put(others, name, values[row]));
    return new TrainingRow(iterations[row], epochs[row], lrs, momenta, others);
  }

  private static void put(Map<String, Double> numbers, String name, double value) {
    if (!Double.isNaN(value)) {
      numbers.put(name, value);
    }
  }

  /** Tells whether a change is to be told. */
  boolean isToBeTold(boolean isEpochStart) {
    return series.stream().anyMatch(each -> each.isToBeTold(isEpochStart));
  }

  /**
   * Says what changed since it was last said, a line for each series that differs. Where a series
   * changes in update after update, that is once an epoch, and when it comes to rest.
   */
  List<String> changes(boolean isEpochStart) {
    List<String> names = names();
    List<String> changes = new ArrayList<>();
    for (int i = 0; i < series.size(); i++) {
      if (series.get(i).isToBeTold(isEpochStart)) {
        changes.add(names.get(i) + ": " + series.get(i).change());
        series.get(i).told();
      }
    }
    return changes;
  }

  /** Ends the update at hand, with which the next will be compared. */
  void end() {
    for (int i = 0; i < series.size(); i++) {
      Series present = series.get(i);
      present.isChanging = present.hasChanged();
      present.formerLr = present.lr;
      present.formerMomentum = present.momentum;
      if (Double.isNaN(present.toldLr) && Double.isNaN(present.toldMomentum)) {
        present.told();
      }
    }
  }

  /** Returns the names of the series, which go by what is in them at present. */
  List<String> names() {
    if (seriesNames == null) {
      seriesNames = List.copyOf(named());
    }
    return seriesNames;
  }

  private List<String> named() {
    List<Map<String, List<Integer>>> layers = new ArrayList<>();
    series.forEach(each -> layers.add(new LinkedHashMap<>()));
    Map<String, Integer> sizes = new HashMap<>();
    for (int i = 0; i < seriesOf.length; i++) {
      if (seriesOf[i] != NO_SERIES) {
        String layer = params.get(i).layer();
        sizes.merge(layer, 1, Integer::sum);
        layers.get(seriesOf[i]).computeIfAbsent(layer, key -> new ArrayList<>()).add(i);
      }
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < series.size(); i++) {
      names.add(name(series.get(i).group, layers.get(i), sizes));
    }
    return names;
  }

  private String name(
      @Nullable Integer group, Map<String, List<Integer>> layers, Map<String, Integer> sizes) {
    if (group == null && series.size() == 1) {
      return "all";
    }
    if (group != null
        && series.stream().filter(each -> Objects.equals(each.group, group)).count() == 1) {
      return names.get(group);
    }
    List<String> parts = new ArrayList<>();
    layers.forEach(
        (layer, members) -> {
          if (members.size() == sizes.getOrDefault(layer, 0)) {
            parts.add(layer);
          } else {
            members.forEach(member -> parts.add(params.get(member).toString()));
          }
        });
    String list =
        parts.size() <= LISTED
            ? String.join(" + ", parts)
            : parts.get(0) + " + " + (parts.size() - 1) + " more";
    return group == null ? list : names.get(group) + ": " + list;
  }

  private DoubleSupplier source(String column) {
    return Objects.requireNonNull(sources.get(column));
  }

  private double[] column(String name) {
    return Objects.requireNonNull(columns.get(name));
  }

  /** Returns the names of what else is kept in the rows. */
  Set<String> columnNames() {
    return columns.keySet();
  }

  /** Returns what else is kept in the rows, by its names. */
  Map<String, double[]> columns() {
    Map<String, double[]> values = new LinkedHashMap<>(columns);
    values.replaceAll((name, all) -> Arrays.copyOf(all, rows));
    return values;
  }

  int[] iterations() {
    return Arrays.copyOf(iterations, rows);
  }

  int[] epochs() {
    return Arrays.copyOf(epochs, rows);
  }

  double[] lrs(int number) {
    return Arrays.copyOf(series.get(number).lrs, rows);
  }

  double[] momenta(int number) {
    return Arrays.copyOf(series.get(number).momenta, rows);
  }
}

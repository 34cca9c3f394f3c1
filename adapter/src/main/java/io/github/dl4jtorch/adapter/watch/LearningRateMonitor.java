package io.github.dl4jtorch.adapter.watch;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.Unit;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.internal.UpdaterFields;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notes the learning rate and the momentum that each update of a network is made with, whatever
 * drives them: a schedule in the configuration, a run on param groups, or {@code setLearningRate}.
 * Changes are logged at INFO; the history is kept in memory and can be written as CSV. Where a rate
 * changes in one update after another it is logged at the first of them, at the start of each
 * epoch, and when it comes to rest.
 *
 * <p>A monitor of param groups has one series a group. A monitor of a network has one series for
 * all parameters that have had the same rate and momentum in every update so far; where they part,
 * the series is split, and each part keeps the history. Its name tells what is in it: {@code all},
 * or up to three layers like {@code layer0 + output}, or parameters like {@code layer0.W}, or
 * {@code layer0 + 7 more}. Parameters without a rate, as in frozen layers, are in none. The
 * momentum is that of Nesterovs, SGD or RMSprop, or beta1 of Adam and its relatives.
 *
 * <p>An update is counted when {@code iterationDone} is raised for it, by the network's iteration
 * and epoch, both from 0. What is noted is read just before the update, so a monitor may stand
 * before or after a {@link SchedulerListener}; of other listeners, one that sets rates in {@code
 * onGradientCalculation} must stand before it. With truncated backpropagation through time each
 * segment is an update.
 *
 * <p>A row takes 8 bytes and 16 for each series; {@link #withInterval} and {@code everyEpoch} keep
 * fewer rows. What is logged stays the same. Under ParallelWrapper only the network itself is
 * noted, not the workers' copies of it. Safe for use by several threads at a time.
 *
 * <pre>{@code
 * LearningRateMonitor monitor = LearningRateMonitor.everyIteration(net);
 * net.addListeners(monitor);
 * net.fit(training, 10);
 * monitor.writeCsv(new File("rates.csv").toPath());
 * }</pre>
 *
 * <p>PyTorch Lightning's class of this name does the same there.
 */
public final class LearningRateMonitor extends BaseTrainingListener {

  private static final Logger LOG = LoggerFactory.getLogger(LearningRateMonitor.class);

  /** An updater at work, as far as its parameters are in one series. */
  private static final class Source {
    final IUpdater updater;
    final List<Integer> params = new ArrayList<>();
    int series;

    Source(IUpdater updater, int series) {
      this.updater = updater;
      this.series = series;
    }
  }

  /** What is noted, when, and for whom. */
  private record Settings(
      @Nullable NetworkParamGroups groups,
      Unit unit,
      int interval,
      Map<String, DoubleSupplier> columns,
      Map<String, DoubleSupplier> scores,
      List<TrainingLog> logs) {

    static Settings of(@Nullable NetworkParamGroups groups, Unit unit) {
      return new Settings(groups, unit, 1, Map.of(), Map.of(), List.of());
    }

    Settings withInterval(int other) {
      return new Settings(groups, unit, other, columns, scores, logs);
    }

    Settings withColumn(String name, DoubleSupplier value) {
      return new Settings(groups, unit, interval, added(columns, name, value), scores, logs);
    }

    Settings withScore(String name, DoubleSupplier value) {
      return new Settings(groups, unit, interval, columns, added(scores, name, value), logs);
    }

    Settings withLog(TrainingLog log) {
      List<TrainingLog> more = new ArrayList<>(logs);
      more.add(log);
      return new Settings(groups, unit, interval, columns, scores, more);
    }

    private Map<String, DoubleSupplier> added(
        Map<String, DoubleSupplier> present, String name, DoubleSupplier value) {
      if (columns.containsKey(name) || scores.containsKey(name)) {
        throw new IllegalArgumentException("name must not be given twice but was " + name);
      }
      Map<String, DoubleSupplier> more = new LinkedHashMap<>(present);
      more.put(name, value);
      return more;
    }

    /** Returns what is in a row beside the rates; scores come into it later. */
    Map<String, DoubleSupplier> all() {
      Map<String, DoubleSupplier> all = new LinkedHashMap<>(columns);
      scores.keySet().forEach(name -> all.put(name, () -> Double.NaN));
      return all;
    }
  }

  private final LiveNetwork net;
  private final Settings settings;

  private final RateHistory history;
  private @Nullable UpdaterBlocks blocks;
  private final List<Source> sources = new ArrayList<>();
  private boolean isPending;
  private int iteration;
  private int epoch;
  private int lastEpoch = -1;
  private boolean hasBegun;
  private boolean hasSeenCopies;

  private LearningRateMonitor(LiveNetwork net, Settings settings) {
    this.net = net;
    this.settings = settings;
    this.history = history(UpdaterBlocks.seen(net.model()));
  }

  /**
   * Makes a monitor of a network that keeps a row for each iteration.
   *
   * @param net the network, initialised
   * @return the monitor, to be added to its listeners
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if no updater of the network has a learning rate
   */
  public static LearningRateMonitor everyIteration(NeuralNetwork net) {
    return new LearningRateMonitor(live(net), Settings.of(null, Unit.ITERATION));
  }

  /**
   * Makes a monitor of a network's param groups, with a series for each by its name or {@code param
   * group 0} and so on, that keeps a row for each iteration.
   *
   * @param groups the groups
   * @return the monitor, to be added to the listeners of the network whose groups these are
   */
  public static LearningRateMonitor everyIteration(NetworkParamGroups groups) {
    return new LearningRateMonitor(live(groups.network()), Settings.of(groups, Unit.ITERATION));
  }

  /**
   * Makes a monitor of a network that keeps the row of the first update in each epoch only. As DL4J
   * counts no epochs in {@code fit(DataSet)} and under ParallelWrapper, there that is one row.
   *
   * @param net the network, initialised
   * @return the monitor, to be added to its listeners
   * @throws IllegalStateException if the network is not initialised, or updaters were changed by
   *     hand in a way that the network does not follow
   * @throws IllegalArgumentException if no updater of the network has a learning rate
   */
  public static LearningRateMonitor everyEpoch(NeuralNetwork net) {
    return new LearningRateMonitor(live(net), Settings.of(null, Unit.EPOCH));
  }

  /**
   * Makes a monitor of a network's param groups, with a series for each by its name or {@code param
   * group 0} and so on, that keeps the row of the first update in each epoch only. As DL4J counts
   * no epochs in {@code fit(DataSet)} and under ParallelWrapper, there that is one row.
   *
   * @param groups the groups
   * @return the monitor, to be added to the listeners of the network whose groups these are
   */
  public static LearningRateMonitor everyEpoch(NetworkParamGroups groups) {
    return new LearningRateMonitor(live(groups.network()), Settings.of(groups, Unit.EPOCH));
  }

  private static LiveNetwork live(NeuralNetwork net) {
    return LiveNetwork.of(net, "it is monitored");
  }

  /**
   * Returns a monitor that keeps the rows of iterations or epochs 0, {@code n}, {@code 2n} and so
   * on only.
   *
   * @param interval iterations or epochs from row to row, {@code >= 1}; default 1
   * @return the monitor, with an empty history, to be added in place of this one
   * @throws IllegalArgumentException if the interval is out of its range
   */
  @CheckReturnValue
  public LearningRateMonitor withInterval(int interval) {
    if (interval < 1) {
      throw new IllegalArgumentException("interval must be >= 1 but was " + interval);
    }
    return new LearningRateMonitor(net, settings.withInterval(interval));
  }

  /**
   * Returns a monitor that notes another number in each row as well, like the norm of the
   * gradients. It is asked for when the update is done.
   *
   * <pre>{@code
   * GradientClipping clipping = GradientClipping.norm(1.0);
   * LearningRateMonitor monitor =
   *     LearningRateMonitor.everyIteration(net).withColumn("grad_norm", clipping::lastNorm);
   * net.addListeners(clipping, monitor);
   * }</pre>
   *
   * @param name the header of its column in the CSV, after those of the series
   * @param value gives the number; NaN leaves the cell empty
   * @return the monitor, with an empty history, to be added in place of this one
   * @throws IllegalArgumentException if there is a column of that name
   */
  @CheckReturnValue
  public LearningRateMonitor withColumn(String name, DoubleSupplier value) {
    return new LearningRateMonitor(net, settings.withColumn(name, value));
  }

  /**
   * Returns a monitor that notes another number at the end of each epoch, like the loss on data
   * held out, of the weights as they are or of their average. It stands in the last row of its
   * epoch; where none was kept in that epoch, the row of its last update is kept for it. As DL4J
   * raises no end of an epoch in {@code fit(DataSet)} and under ParallelWrapper, there the monitor
   * is given to the {@code EpochLoop} as well.
   *
   * <pre>{@code
   * DataSetLossCalculator loss = new DataSetLossCalculator(validation, true);
   * LearningRateMonitor monitor =
   *     LearningRateMonitor.everyIteration(net)
   *         .withScore("score/raw", () -> loss.calculateScore(net));
   * net.addListeners(monitor);
   * }</pre>
   *
   * @param name the header of its column in the CSV, after those of {@link #withColumn}
   * @param value gives the number; NaN leaves the cell empty
   * @return the monitor, with an empty history, to be added in place of this one
   * @throws IllegalArgumentException if there is a column of that name
   */
  @CheckReturnValue
  public LearningRateMonitor withScore(String name, DoubleSupplier value) {
    return new LearningRateMonitor(net, settings.withScore(name, value));
  }

  /**
   * Returns a monitor that hands each row that it keeps to a log at once, and the scores of an
   * epoch when it ends. Rows go by the names that the series have then: where one is split, its
   * parts begin there.
   *
   * @param log the log, begun before the first update
   * @return the monitor, with an empty history, to be added in place of this one
   */
  @CheckReturnValue
  public LearningRateMonitor withLog(TrainingLog log) {
    return new LearningRateMonitor(net, settings.withLog(log));
  }

  /** Puts the parameters into their first series. */
  private RateHistory history(UpdaterBlocks present) {
    NetworkParamGroups groups = settings.groups();
    Map<NetworkParam, Integer> byGroup = new HashMap<>();
    List<String> names = new ArrayList<>();
    for (int group = 0; groups != null && group < groups.size(); group++) {
      names.add(groups.name(group));
      for (NetworkParam param : groups.params(group)) {
        byGroup.put(param, group);
      }
    }
    List<NetworkParam> params = NetworkParam.of(net.network());
    int[] series = new int[params.size()];
    boolean hasRate = false;
    for (int i = 0; i < series.length; i++) {
      boolean hasOne = present.params().get(i).hasRate();
      series[i] = hasOne ? byGroup.getOrDefault(params.get(i), 0) : RateHistory.NO_SERIES;
      hasRate |= hasOne;
    }
    if (!hasRate) {
      throw new IllegalArgumentException(
          "the network must have an updater with a learning rate to be monitored but has none");
    }
    return new RateHistory(params, series, names, settings.all());
  }

  /** Finds the updaters at work anew. */
  private UpdaterBlocks scan() {
    UpdaterBlocks present = new UpdaterBlocks(net.model());
    sources.clear();
    IUpdater live = null;
    int block = -1;
    int added = RateHistory.NO_SERIES;
    for (int i = 0; i < present.params().size(); i++) {
      UpdaterBlocks.Param param = present.params().get(i);
      if (live == null || param.block() != block) {
        live = param.updater(); // That of a block's first parameter is the one at work.
        block = param.block();
      }
      if (param.hasRate()) {
        if (history.seriesOf(i) == RateHistory.NO_SERIES) {
          added = added == RateHistory.NO_SERIES ? history.add() : added;
          history.put(i, added);
        }
        source(live, history.seriesOf(i)).params.add(i);
      }
    }
    blocks = present;
    return present;
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private Source source(IUpdater updater, int series) {
    for (int i = sources.size() - 1; i >= 0; i--) {
      if (sources.get(i).updater == updater && sources.get(i).series == series) {
        return sources.get(i);
      }
    }
    Source source = new Source(updater, series);
    sources.add(source);
    return source;
  }

  /**
   * Reads what the update that follows will use.
   *
   * @param model the network
   * @throws IllegalStateException if this is another network than the monitor was made for, and no
   *     copy of it
   */
  @Override
  public synchronized void onGradientCalculation(Model model) {
    if (!isOwn(model)) {
      return;
    }
    if (blocks == null || !blocks.areCurrent()) {
      scan();
    }
    iteration = net.iterationCount();
    epoch = net.epochCount();
    if (!hasBegun) {
      settings.logs().forEach(log -> log.begin(iteration));
      hasBegun = true;
    }
    read();
    isPending = true;
  }

  private void read() {
    history.begin();
    for (int i = 0; i < sources.size(); i++) {
      Source source = sources.get(i);
      double lr = source.updater.getLearningRate(iteration, epoch);
      double momentum = UpdaterFields.momentum(source.updater, iteration, epoch);
      source.series = history.take(source.series, source.params, lr, momentum);
    }
  }

  /**
   * Takes the update into the history.
   *
   * @param model the network
   * @param iteration the network's count of iterations, from 0
   * @param epoch the network's count of epochs, from 0
   */
  @Override
  public synchronized void iterationDone(Model model, int iteration, int epoch) {
    if (model != net.model() || !isPending) {
      return;
    }
    isPending = false;
    boolean isFirst = history.rows() == 0 || history.lastEpoch() != this.epoch;
    int interval = settings.interval();
    boolean isKept =
        settings.unit() == Unit.EPOCH
            ? isFirst && this.epoch % interval == 0
            : this.iteration % interval == 0;
    if (isKept) {
      keep();
    }
    boolean isEpochStart = this.epoch != lastEpoch;
    lastEpoch = this.epoch;
    if (LOG.isInfoEnabled() && history.isToBeTold(isEpochStart)) {
      for (String change : history.changes(isEpochStart)) {
        LOG.info("iteration {}, epoch {}, {}", this.iteration, this.epoch, change);
      }
    }
    history.end();
  }

  private void keep() {
    history.keep(iteration, epoch);
    if (!settings.logs().isEmpty()) {
      TrainingRow row = history.row(history.rows() - 1);
      settings.logs().forEach(log -> log.write(row));
    }
  }

  /**
   * Takes the scores of the epoch.
   *
   * @param model the network
   */
  @Override
  public synchronized void onEpochEnd(Model model) {
    if (model != net.model() || lastEpoch != net.epochCount() || settings.scores().isEmpty()) {
      return;
    }
    if (history.rows() == 0 || history.lastEpoch() != lastEpoch) {
      keep();
    }
    Map<String, Double> scores = new LinkedHashMap<>();
    settings
        .scores()
        .forEach(
            (name, value) -> {
              double score = value.getAsDouble();
              history.put(name, score);
              if (!Double.isNaN(score)) {
                scores.put(name, score);
              }
            });
    TrainingRow row = new TrainingRow(iteration, epoch, Map.of(), Map.of(), scores);
    settings.logs().forEach(log -> log.write(row));
  }

  /** Tells the network from copies that workers train, and refuses others. */
  private boolean isOwn(Model model) {
    if (model == net.model()) {
      return true;
    }
    if (LiveNetwork.isKindOf(model)) {
      if (model.getClass() != net.model().getClass()
          || model.numParams() != net.model().numParams()) {
        throw new IllegalStateException(
            "a LearningRateMonitor must be added only to the network that it was made for, but was"
                + " called for another; make one for each");
      }
      if (!hasSeenCopies) {
        hasSeenCopies = true;
        LOG.info("called for a copy of the network, too; only the network itself is recorded");
      }
    }
    return false;
  }

  /**
   * Returns the names of the series.
   *
   * @return the names, in the order of the CSV's columns
   */
  public synchronized List<String> names() {
    return history.names();
  }

  /**
   * Returns the iterations of the rows.
   *
   * @return the network's count of iterations in each row, from 0
   */
  public synchronized int[] iterations() {
    return history.iterations();
  }

  /**
   * Returns the epochs of the rows.
   *
   * @return the network's count of epochs in each row, from 0
   */
  public synchronized int[] epochs() {
    return history.epochs();
  }

  /**
   * Returns the learning rates of a series.
   *
   * @param name one of {@link #names}
   * @return the rate in each row; NaN where there was none
   * @throws IllegalArgumentException if there is no such series
   */
  public synchronized double[] lrs(String name) {
    return history.lrs(number(name));
  }

  /**
   * Returns the momenta of a series.
   *
   * @param name one of {@link #names}
   * @return the momentum or beta1 in each row; NaN where there was none
   * @throws IllegalArgumentException if there is no such series
   */
  public synchronized double[] momenta(String name) {
    return history.momenta(number(name));
  }

  /**
   * Returns the numbers of a column that {@link #withColumn} or {@link #withScore} added.
   *
   * @param name its name
   * @return the number in each row; NaN where there was none
   * @throws IllegalArgumentException if there is no such column
   */
  public synchronized double[] column(String name) {
    double[] values = history.columns().get(name);
    if (values == null) {
      throw new IllegalArgumentException(
          "name must be one of " + history.columnNames() + " but was " + name);
    }
    return values;
  }

  private int number(String name) {
    int number = names().indexOf(name);
    if (number < 0) {
      throw new IllegalArgumentException("name must be one of " + names() + " but was " + name);
    }
    return number;
  }

  /**
   * Writes the history as CSV in UTF-8: a header {@code iteration,epoch,all lr,all momentum}, with
   * two columns a series, and a line for each row. Numbers are written in full, so that they come
   * back to the bit; where there is none the cell is empty. Names with commas, quotes or line ends
   * are quoted.
   *
   * @param file the file, overwritten if there is one
   * @throws IOException if the file cannot be written
   */
  public synchronized void writeCsv(Path file) throws IOException {
    new RateCsv(history).write(file);
  }

  /**
   * Adds the history to what another monitor wrote before the training was taken up again. Lines of
   * the file from the first iteration of this history on are replaced: these updates were made once
   * more.
   *
   * @param file the file; if there is none it is made
   * @throws IOException if the file cannot be read or written
   * @throws IllegalArgumentException if the file has other columns; it is left as it is
   */
  public synchronized void appendCsv(Path file) throws IOException {
    new RateCsv(history).append(file);
  }
}

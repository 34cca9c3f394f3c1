package io.github.dl4jtorch.adapter.watch;

/**
 * Receives what a {@link LearningRateMonitor} notes while the training goes on, row by row; {@link
 * LearningRateMonitor#withLog} gives it to the monitor. It is called by the thread that trains, and
 * what it throws stops the training.
 *
 * <pre>{@code
 * TrainingLog log =
 *     new TrainingLog() {
 *       public void begin(int iteration) {}
 *
 *       public void write(TrainingRow row) {
 *         System.out.println(row.iteration() + ": " + row.lrs());
 *       }
 *     };
 * net.addListeners(LearningRateMonitor.everyIteration(net).withLog(log));
 * }</pre>
 */
public interface TrainingLog {

  /**
   * Begins a training, or goes on with one that was restored: what an earlier process wrote of this
   * iteration and later ones is made once more.
   *
   * @param iteration the network's count of iterations before its next update, from 0
   */
  void begin(int iteration);

  /**
   * Writes what was noted of an update, or the scores at the end of an epoch.
   *
   * @param row what was noted
   */
  void write(TrainingRow row);
}

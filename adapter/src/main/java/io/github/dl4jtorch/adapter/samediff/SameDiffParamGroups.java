package io.github.dl4jtorch.adapter.samediff;

import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import java.util.List;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * The param group of a SameDiff graph that is being trained. There is one, since SameDiff has one
 * updater for all variables. What a run sets here, the graph's very next update uses.
 *
 * <p>The rate is kept in the updater of the graph's {@code TrainingConfig}, is saved with it and
 * comes back with it; make the group of a loaded graph anew. Rates below 0 are refused, except for
 * rounding: down to {@code -1e-12} times the highest rate so far a run goes on as PyTorch does
 * while the updater gets 0. A rate of 0 stops all variables whatever the updater, weight decay
 * included, while the updater's averages go on; a listener that the groups add to the graph sees to
 * that.
 *
 * <p>The momentum of the group is that of Nesterovs or {@code TorchSGD}, or beta1 of Adam and its
 * relatives. There is none if it follows a schedule of its own.
 *
 * <p>A rate that others set in the updater is taken up, and so is another updater, if the training
 * has not begun. Not safe for use by several threads at a time.
 *
 * <pre>{@code
 * var sd = org.nd4j.autodiff.samediff.SameDiff.load(new File("model.fb"), true);
 * LRScheduler run = new CosineAnnealingLR(50).attach(SameDiffParamGroups.of(sd));
 * sd.fit(training, 50, SameDiffSchedulerListener.everyEpoch(run));
 * }</pre>
 */
public final class SameDiffParamGroups extends ParamGroups {

  private final SameDiffGroup values;

  private SameDiffParamGroups(SameDiffGroup values) {
    super(List.of(ParamGroup.over(values)));
    this.values = values;
  }

  /**
   * Makes the one group of a graph.
   *
   * @param sd the graph, with its training configuration set
   * @return the groups, of which there is one
   * @throws IllegalStateException if there is no training configuration, or its updater was
   *     replaced after the training had begun, so that SameDiff does not use it
   * @throws IllegalArgumentException if the updater has no learning rate, or one that is not finite
   *     or follows a schedule; nothing is changed
   */
  public static SameDiffParamGroups of(SameDiff sd) {
    return new SameDiffParamGroups(new SameDiffGroup(sd));
  }

  /** Tells whether a graph is the one whose group this is, or the one that has its gradients. */
  boolean areOf(SameDiff sd) {
    return values.isOwn(sd);
  }

  /** Returns the graph whose group this is. */
  SameDiff graph() {
    return values.graph();
  }
}

package io.github.dl4jtorch.adapter.optim;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Schedule-Free SGD: see {@link ScheduleFreeUpdater}, with {@code momentum} for {@code beta} and
 * the gradient at {@code y}, weight decay included, for the direction {@code d}.
 *
 * <pre>{@code
 * IUpdater updater = new SGDScheduleFree(1.0).withMomentum(0.9).withWarmupSteps(500);
 * }</pre>
 */
public final class SGDScheduleFree extends ScheduleFreeUpdater<SGDScheduleFree> {

  private static final long serialVersionUID = 1L;

  @JsonProperty private double momentum = 0.9;

  private SGDScheduleFree() {
    super(Setting.of(1));
  }

  /**
   * Makes the updater with a fixed rate.
   *
   * @param lr the learning rate, finite and {@code >= 0}; the authors' default is 1
   * @throws IllegalArgumentException if the rate is out of its range
   */
  public SGDScheduleFree(double lr) {
    super(fixedLr(lr));
  }

  /**
   * Makes the updater with a rate that follows a schedule.
   *
   * @param lr the schedule of the learning rate
   */
  public SGDScheduleFree(ISchedule lr) {
    super(scheduledLr(lr));
  }

  /**
   * Returns a copy with another momentum.
   *
   * @param momentum how much of {@code y} is {@code x}, {@code > 0} and {@code < 1}, by default 0.9
   * @return the copy
   * @throws IllegalArgumentException if the argument is out of its range
   */
  @CheckReturnValue
  public SGDScheduleFree withMomentum(double momentum) {
    SGDScheduleFree copy = (SGDScheduleFree) clone();
    copy.momentum = Require.requireBetweenZeroAndOne("momentum", momentum);
    return copy;
  }

  @Override
  double beta() {
    return momentum;
  }

  @Override
  int arrays() {
    return 1;
  }

  @Override
  List<String> stateNames() {
    return List.of("z - y");
  }

  @Override
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("momentum", momentum);
    putAveraging(settings);
    return settings;
  }

  @Override
  void direct(INDArray gradient, UpdaterState state) {}
}

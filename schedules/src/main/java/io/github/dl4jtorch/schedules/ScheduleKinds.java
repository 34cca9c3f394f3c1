package io.github.dl4jtorch.schedules;

import java.util.List;

/**
 * Brings kinds of schedules of your own, by Java's {@link java.util.ServiceLoader}: they are known
 * wherever your jar is on the class path, in the workers of a cluster too.
 *
 * <p>A public class with a public constructor without arguments implements this, and is named in
 * the jar's file {@code META-INF/services/io.github.dl4jtorch.schedules.ScheduleKinds}. It is
 * looked for by the class loader of the thread and by that of this library.
 *
 * <pre>{@code
 * class OwnKinds implements ScheduleKinds {
 *   public List<ScheduleKind<?>> kinds() {
 *     return List.of(
 *         ScheduleKind.of(
 *             "acme.StepLR", StepLR.class, arguments -> new StepLR(arguments.integer("every"))));
 *   }
 * }
 * }</pre>
 */
public interface ScheduleKinds {

  /**
   * Returns the kinds.
   *
   * @return one or more kinds, with names that nobody else uses
   */
  List<ScheduleKind<?>> kinds();
}

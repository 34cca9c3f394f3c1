package io.github.dl4jtorch.schedules;

import static io.github.dl4jtorch.schedules.Require.requireGiven;

import java.util.function.Function;

/**
 * What has to be known of a class of schedules so that its definitions can be read again: the
 * {@code type} that they are written under, the class, and who reads the arguments.
 *
 * <p>With it a schedule of your own can do what those of this library can, which are known by such
 * kinds too: be read by {@link Schedule#fromMap}, and so be in a saved network or checkpoint. It
 * has to come back from its map as it was written. Make kinds known by {@link ScheduleKinds} or
 * {@link Schedule#register}.
 *
 * <pre>{@code
 * record Halving(int every) implements ChainableSchedule {
 *   static final ScheduleKind<Halving> KIND =
 *       ScheduleKind.of(
 *           "Halving", Halving.class, arguments -> new Halving(arguments.integer("every")));
 *
 *   public void next(Moment at, double[] lr, double[] base, double[] out) {
 *     for (int group = 0; group < lr.length; group++) {
 *       boolean halves = !at.isInitial() && at.epoch() % every == 0;
 *       out[group] = halves ? lr[group] / 2 : lr[group];
 *     }
 *   }
 *
 *   public Map<String, Object> toMap() {
 *     return Map.of("type", KIND.name(), "every", every);
 *   }
 * }
 * }</pre>
 *
 * @param <S> the class of schedules
 */
public final class ScheduleKind<S extends Schedule> {

  private final String name;
  private final Class<S> type;
  private final Function<Arguments, S> reader;
  private final Function<S, Node> node;

  private ScheduleKind(
      String name, Class<S> type, Function<Arguments, S> reader, Function<S, Node> node) {
    requireGiven("name", name);
    requireGiven("type", type);
    requireGiven("reader", reader);
    if (name.isEmpty()) {
      throw new IllegalArgumentException("name must not be empty but was \"\"");
    }
    this.name = name;
    this.type = type;
    this.reader = reader;
    this.node = node;
  }

  /**
   * Describes a class of schedules.
   *
   * @param <S> the class of schedules
   * @param name what {@link Schedule#toMap()} puts under {@code type}, not empty
   * @param type the class
   * @param reader makes a definition of its arguments. An {@link IllegalArgumentException} of the
   *     constructor becomes a {@link MalformedDataException} that begins with the name
   * @return the kind
   * @throws IllegalArgumentException if the name is empty
   */
  public static <S extends Schedule> ScheduleKind<S> of(
      String name, Class<S> type, Function<Arguments, S> reader) {
    return node(name, type, reader, ScheduleTypes::ownNode);
  }

  /** Describes a class whose formula shows more than users see. */
  static <S extends Schedule> ScheduleKind<S> leaf(
      String name, Class<S> type, Function<Arguments, S> reader, Function<S, Formula> formula) {
    return node(name, type, reader, schedule -> new LeafNode(schedule, formula.apply(schedule)));
  }

  /** Describes a class with a memory of its own. */
  static <S extends Schedule> ScheduleKind<S> node(
      String name, Class<S> type, Function<Arguments, S> reader, Function<S, Node> node) {
    return new ScheduleKind<>(name, type, reader, node);
  }

  /**
   * Returns what the definitions are written under.
   *
   * @return their {@code type}
   */
  public String name() {
    return name;
  }

  /**
   * Returns the class of the definitions.
   *
   * @return the class
   */
  public Class<S> type() {
    return type;
  }

  /** Reads a definition, and refuses arguments that it does not know. */
  S read(Arguments arguments) {
    return arguments.read(reader);
  }

  /** Makes the node for a definition, not yet bound to groups. */
  Node node(Schedule schedule) {
    return node.apply(type.cast(schedule));
  }

  /** Returns name and class. */
  @Override
  public String toString() {
    return name + " (" + type.getName() + ")";
  }
}

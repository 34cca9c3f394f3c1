package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Schedules of users' own, which are read as this library's are. */
class ScheduleKindsTest {

  private static final String SERVICES =
      "META-INF/services/io.github.dl4jtorch.schedules.ScheduleKinds";

  @TempDir Path folder;

  /** Like {@link StepLR}, and only by a file of its own known. */
  public record Quartering(int every) implements ChainableSchedule {
    @Override
    public void next(Moment at, double[] lr, double[] base, double[] out) {
      for (int group = 0; group < lr.length; group++) {
        out[group] = !at.isInitial() && at.epoch() % every == 0 ? lr[group] / 4 : lr[group];
      }
    }

    @Override
    public Map<String, Object> toMap() {
      return Map.of("type", "Quartering", "every", every);
    }

    static Quartering read(Arguments arguments) {
      return new Quartering(arguments.integer("every"));
    }
  }

  /** Brings a kind whose name nobody else has. */
  public static final class QuarteringKinds implements ScheduleKinds {
    @Override
    public List<ScheduleKind<?>> kinds() {
      return List.of(ScheduleKind.of("Quartering", Quartering.class, Quartering::read));
    }
  }

  /** Brings a kind under the name of one of this library's. */
  public static final class ClashingKinds implements ScheduleKinds {
    @Override
    public List<ScheduleKind<?>> kinds() {
      return List.of(ScheduleKind.of("StepLR", Quartering.class, Quartering::read));
    }
  }

  @Test
  void namesThisLibrarysTypesFirst() {
    assertThat(Schedule.types())
        .startsWith("LambdaLR", "MultiplicativeLR", "StepLR")
        .contains("WarmupLR", "Halving")
        .doesNotHaveDuplicates();
  }

  @Test
  void readsAKindThatAServiceBrings() {
    Schedule halving = new Halving(3, PerGroup.same(0.01));
    Schedule inAComposite = new SequentialLR(List.of(new StepLR(2), halving), List.of(4));
    assertThat(Schedule.fromMap(halving.toMap())).isEqualTo(halving);
    assertThat(Schedule.fromMap(inAComposite.toMap())).isEqualTo(inAComposite);
    assertThat(Schedule.fromMap(Map.of("type", "Halving", "every", 3.0)))
        .isEqualTo(new Halving(3, PerGroup.same(0.0)));
  }

  @Test
  void refusesArgumentsAsItDoesForItsOwn() {
    assertRefused(Map.of("type", "Halving"), "Halving: \"every\" is missing");
    assertRefused(
        Map.of("type", "Halving", "every", "two"),
        "Halving: \"every\" must be a whole number but was \"two\"");
    assertRefused(
        Map.of("type", "Halving", "evry", 2),
        "Halving: unknown key \"evry\"; did you mean \"every\"?");
    assertRefused(Map.of("type", "Halving", "every", 0), "Halving: every must be >= 1 but was 0");
    assertRefused(
        Map.of("type", "Halfing", "every", 2),
        "unknown type \"Halfing\"; did you mean \"Halving\"?");
  }

  private static void assertRefused(Map<String, ?> map, String message) {
    assertThatThrownBy(() -> Schedule.fromMap(map))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }

  @Test
  void readsAKindThatWasRegistered() {
    ScheduleKind<StepLR> kind =
        ScheduleKind.of(
            "ScheduleKindsTest.Decay",
            StepLR.class,
            arguments -> new StepLR(arguments.integer("every"), 0.5));
    Map<String, Object> written = Map.of("type", "ScheduleKindsTest.Decay", "every", 7);
    assertThatThrownBy(() -> Schedule.fromMap(written))
        .isInstanceOf(MalformedDataException.class)
        .hasMessageStartingWith("unknown type \"ScheduleKindsTest.Decay\"; did you mean ");

    Schedule.register(kind);
    Schedule.register(kind);

    assertThat(Schedule.fromMap(written)).isEqualTo(new StepLR(7, 0.5));
    assertThat(Schedule.types()).containsOnlyOnce("ScheduleKindsTest.Decay");
  }

  @Test
  void refusesToRegisterANameThatIsTaken() {
    List<String> before = Schedule.types();
    assertThatThrownBy(
            () -> Schedule.register(ScheduleKind.of("StepLR", Quartering.class, Quartering::read)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "a type must be of one class but \"StepLR\" is of io.github.dl4jtorch.schedules.StepLR"
                + " and of io.github.dl4jtorch.schedules.ScheduleKindsTest$Quartering");
    assertThatThrownBy(
            () -> Schedule.register(ScheduleKind.of("Halving", Quartering.class, Quartering::read)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "a type must be of one class but \"Halving\" is of"
                + " io.github.dl4jtorch.schedules.Halving and of"
                + " io.github.dl4jtorch.schedules.ScheduleKindsTest$Quartering");
    assertThat(Schedule.types()).isEqualTo(before);
    assertThat(Schedule.fromMap(new StepLR(4).toMap())).isEqualTo(new StepLR(4));
    assertThatThrownBy(() -> ScheduleKind.of("", StepLR.class, StepLR::read))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must not be empty but was \"\"");
  }

  @Test
  void looksWhereTheThreadLooks() throws IOException {
    Map<String, Object> written = new Quartering(2).toMap();
    assertThatThrownBy(() -> Schedule.fromMap(written)).isInstanceOf(MalformedDataException.class);
    withService(
        QuarteringKinds.class,
        () -> assertThat(Schedule.fromMap(written)).isEqualTo(new Quartering(2)));
    assertThatThrownBy(() -> Schedule.fromMap(written)).isInstanceOf(MalformedDataException.class);
  }

  @Test
  void looksInItsOwnLoaderWhereTheThreadHasNone() {
    Map<String, Object> written = new Halving(2, PerGroup.same(0.0)).toMap();
    withLoader(null, () -> assertThat(Schedule.fromMap(written).toMap()).isEqualTo(written));
    withLoader(
        ClassLoader.getPlatformClassLoader(),
        () -> assertThat(Schedule.fromMap(written).toMap()).isEqualTo(written));
  }

  @Test
  void findsAJarThatWasAddedLater() throws IOException {
    Map<String, Object> written = new Quartering(2).toMap();
    try (Growing loader = new Growing()) {
      withLoader(
          loader,
          () ->
              assertThatThrownBy(() -> Schedule.fromMap(written))
                  .isInstanceOf(MalformedDataException.class));
      loader.addURL(serviceFile(QuarteringKinds.class));
      withLoader(loader, () -> assertThat(Schedule.fromMap(written)).isEqualTo(new Quartering(2)));
    }
  }

  /** As Spark's workers have it. */
  private static final class Growing extends URLClassLoader {
    Growing() {
      super(new URL[0], ScheduleKindsTest.class.getClassLoader());
    }

    @Override
    public void addURL(URL url) {
      super.addURL(url);
    }
  }

  @Test
  void refusesAServiceThatBringsANameWhichIsTaken() throws IOException {
    withService(
        ClashingKinds.class,
        () ->
            assertThatThrownBy(() -> Schedule.fromMap(new StepLR(4).toMap()))
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage(
                    "a type must be of one class but \"StepLR\" is of"
                        + " io.github.dl4jtorch.schedules.StepLR and of"
                        + " io.github.dl4jtorch.schedules.ScheduleKindsTest$Quartering"));
  }

  private void withService(Class<? extends ScheduleKinds> service, Runnable work)
      throws IOException {
    try (URLClassLoader loader =
        new URLClassLoader(
            new URL[] {serviceFile(service)}, ScheduleKindsTest.class.getClassLoader())) {
      withLoader(loader, work);
    }
  }

  private URL serviceFile(Class<? extends ScheduleKinds> service) throws IOException {
    Path file = folder.resolve(service.getSimpleName()).resolve(SERVICES);
    Files.createDirectories(file.getParent());
    Files.writeString(file, service.getName());
    return folder.resolve(service.getSimpleName()).toUri().toURL();
  }

  private static void withLoader(ClassLoader loader, Runnable work) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(loader);
    try {
      work.run();
    } finally {
      thread.setContextClassLoader(before);
    }
  }
}

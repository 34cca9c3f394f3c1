package io.github.dl4jtorch.adapter;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.CheckReturnValue;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.github.dl4jtorch.fixtures.ArchitectureRules;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.nd4j.linalg.api.ndarray.INDArray;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.github.dl4jtorch.adapter");

  @Test
  void dependsOnSchedulesAndDl4jAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "com.google.errorprone.annotations..",
            "org.jspecify.annotations..",
            "org.slf4j..",
            "io.github.dl4jtorch.schedules..",
            "io.github.dl4jtorch.adapter..",
            "org.deeplearning4j..",
            "org.nd4j.autodiff..",
            "org.nd4j.common..",
            "org.nd4j.linalg..",
            "org.nd4j.shade.jackson..")
        .check(CLASSES);
  }

  private static final String ROOT = "io.github.dl4jtorch.adapter";

  /** Which rooms a room may use, as in CONTRIBUTING.md. */
  private static final Map<String, List<String>> ROOMS =
      Map.of(
          ROOT + ".optim",
          List.of(),
          ROOT + ".internal",
          List.of(ROOT + ".optim"),
          ROOT,
          List.of(ROOT + ".internal", ROOT + ".optim"),
          ROOT + ".checkpoint",
          List.of(ROOT, ROOT + ".internal"),
          ROOT + ".samediff",
          List.of(ROOT + ".internal"),
          ROOT + ".step",
          List.of(ROOT, ROOT + ".internal", ROOT + ".checkpoint", ROOT + ".optim"),
          ROOT + ".watch",
          List.of(ROOT, ROOT + ".internal", ROOT + ".optim"));

  /** Stands beside the updaters for those who use them, and sees networks and their parameters. */
  private static final String ON_TOP = "TorchOptimizer";

  @Test
  void nothingDependsOnWhatIsOnTop() {
    noClasses()
        .that()
        .haveNameNotMatching(".*\\." + ON_TOP + "(\\$.*)?")
        .should()
        .dependOnClassesThat()
        .haveSimpleName(ON_TOP)
        .check(CLASSES);
  }

  @Test
  void everyRoomIsOnTheMap() {
    Set<String> rooms = CLASSES.stream().map(JavaClass::getPackageName).collect(Collectors.toSet());
    assertThat(rooms).isEqualTo(ROOMS.keySet());
  }

  @ParameterizedTest
  @FieldSource("ROOM_NAMES")
  void eachRoomUsesOnlyTheRoomsBelow(String room) {
    String[] others =
        ROOMS.keySet().stream()
            .filter(other -> !other.equals(room) && !ROOMS.get(room).contains(other))
            .toArray(String[]::new);
    noClasses()
        .that()
        .resideInAPackage(room)
        .and()
        .haveNameNotMatching(".*\\." + ON_TOP + "(\\$.*)?")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(others)
        .check(CLASSES);
  }

  static final Set<String> ROOM_NAMES = new TreeSet<>(ROOMS.keySet());

  /** Users get none of the insides to see. */
  @Test
  void noPublicSignatureShowsTheInsides() {
    List<String> shown =
        CLASSES.stream()
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
            .filter(type -> !type.getPackageName().equals(ROOT + ".internal"))
            .flatMap(type -> type.getCodeUnits().stream())
            .filter(
                unit ->
                    unit.getModifiers().contains(JavaModifier.PUBLIC)
                        || unit.getModifiers().contains(JavaModifier.PROTECTED))
            .filter(
                unit ->
                    Stream.concat(
                            Stream.of(unit.getRawReturnType()),
                            unit.getRawParameterTypes().stream())
                        .anyMatch(
                            type ->
                                type.getPackageName().equals(ROOT + ".internal")
                                    || (type.getPackageName().startsWith("io.github.dl4jtorch")
                                        && !type.getModifiers().contains(JavaModifier.PUBLIC))))
            .map(JavaCodeUnit::getFullName)
            .toList();
    assertThat(shown).isEmpty();
  }

  /** A name says whether something is made or a thing like this one is returned. */
  @Test
  void factoriesAndWithersShareNoName() {
    List<String> shared =
        CLASSES.stream()
            .flatMap(
                type -> {
                  Set<String> factories = returningOwn(type, true);
                  factories.retainAll(returningOwn(type, false));
                  return factories.stream().map(name -> type.getName() + "." + name);
                })
            .toList();
    assertThat(shared).isEmpty();
  }

  private static Set<String> returningOwn(JavaClass type, boolean isStatic) {
    return methodsReturningOwn(type, isStatic)
        .map(JavaMethod::getName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Stream<JavaMethod> methodsReturningOwn(JavaClass type, boolean isStatic) {
    return type.getMethods().stream()
        .filter(method -> method.getModifiers().contains(JavaModifier.PUBLIC))
        .filter(method -> !method.getModifiers().contains(JavaModifier.SYNTHETIC))
        .filter(method -> method.getModifiers().contains(JavaModifier.STATIC) == isStatic)
        .filter(method -> method.getRawReturnType().equals(type));
  }

  /**
   * Error Prone then refuses to compile a call whose result is dropped. Builders and writers return
   * themselves, and {@code unfreeze} acts on the network too.
   */
  @Test
  void droppingWhatAWitherReturnsIsAnError() {
    List<String> dropped =
        CLASSES.stream()
            .filter(type -> !type.getPackageName().equals(ROOT + ".internal"))
            .filter(type -> !Set.of("Builder", "CheckpointWriter").contains(type.getSimpleName()))
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
            .flatMap(type -> methodsReturningOwn(type, false))
            .filter(method -> !Set.of("clone", "unfreeze").contains(method.getName()))
            .filter(method -> !method.isAnnotatedWith(CheckReturnValue.class))
            .map(JavaMethod::getFullName)
            .toList();
    assertThat(dropped).isEmpty();
  }

  @Test
  void nothingButATestIsCalledTest() {
    noClasses().should().haveSimpleNameEndingWith("Test").check(CLASSES);
  }

  /** DL4J announces a rewrite of these. */
  @Test
  void touchesDl4jsUpdaterBlocksInOnePlace() {
    Set<String> touching =
        CLASSES.stream()
            .filter(
                type ->
                    type.getDirectDependenciesFromSelf().stream()
                        .map(dependency -> dependency.getTargetClass().getPackageName())
                        .anyMatch(name -> name.startsWith("org.deeplearning4j.nn.updater")))
            .map(type -> type.getName().replaceFirst("\\$.*", ""))
            .collect(Collectors.toSet());
    assertThat(touching)
        .containsExactlyInAnyOrder(
            ROOT + ".internal.UpdaterBlocks",
            ROOT + ".internal.NetworkUpdater",
            ROOT + ".internal.BlockState",
            ROOT + ".internal.KeepingUpdater");
  }

  @Test
  void runsOnAnyBackend() {
    ArchitectureRules.RUNS_ON_ANY_BACKEND.check(CLASSES);
  }

  /** In single precision they lose percents of a large array: {@code optim.Norms} does not. */
  @Test
  void leavesNd4jsOwnNormsAlone() {
    noClasses()
        .should()
        .callMethod(INDArray.class, "norm1Number")
        .orShould()
        .callMethod(INDArray.class, "norm2Number")
        .check(CLASSES);
  }
}

package io.github.dl4jtorch.schedules;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.JavaModifier.PUBLIC;
import static com.tngtech.archunit.core.domain.properties.HasModifiers.Predicates.modifier;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** This module stands on the JDK alone, and its schedules know nothing of the runs. */
class ArchitectureTest {

  private static final JavaClasses MAIN =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.github.dl4jtorch.schedules");

  @Test
  void dependsOnTheJdkAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        // JSpecify's annotations are there for the compiler only.
        .resideInAnyPackage(
            "io.github.dl4jtorch.schedules..",
            "java.io..",
            "java.lang..",
            "java.math..",
            "java.util..",
            "com.google.errorprone.annotations..",
            "org.jspecify.annotations..")
        .check(MAIN);
  }

  /** Users get none of the insides to see. */
  @Test
  void noPublicSignatureShowsTheInsides() {
    List<String> shown =
        MAIN.stream()
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
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
                        .anyMatch(ArchitectureTest::isInside))
            .map(JavaCodeUnit::getFullName)
            .toList();
    assertThat(shown).isEmpty();
    List<String> supertypes =
        MAIN.stream()
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
            .filter(
                type ->
                    Stream.concat(
                            type.getAllRawInterfaces().stream(),
                            type.getAllRawSuperclasses().stream())
                        .anyMatch(ArchitectureTest::isInside))
            .map(JavaClass::getName)
            .toList();
    assertThat(supertypes).isEmpty();
  }

  private static boolean isInside(JavaClass type) {
    return type.getPackageName().startsWith("io.github.dl4jtorch")
        && !type.getModifiers().contains(JavaModifier.PUBLIC);
  }

  /** Definitions are asked what they do. */
  @Test
  void noClassButItsOwnAndTheRegisterLooksForThePlateau() {
    noClasses()
        .that()
        .doNotBelongToAnyOf(ReduceLROnPlateau.class)
        .and()
        .doNotBelongToAnyOf(ScheduleTypes.class)
        .and()
        .resideInAPackage("io.github.dl4jtorch.schedules")
        .should()
        .dependOnClassesThat()
        .areAssignableTo(ReduceLROnPlateau.class)
        .check(MAIN);
  }

  /** They could be a jar of their own. */
  @Test
  void otherLibrariesSchedulesStandOnWhatUsersSee() {
    noClasses()
        .that()
        .resideInAPackage("io.github.dl4jtorch.schedules")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("..families..")
        .check(MAIN);
    classes()
        .that()
        .resideInAPackage("..families..")
        .should()
        .onlyDependOnClassesThat(
            resideOutsideOfPackage("io.github.dl4jtorch.schedules").or(modifier(PUBLIC)))
        .check(MAIN);
  }

  @Test
  void definitionsDoNotKnowTheirRuns() {
    noClasses()
        .that()
        .implement(Schedule.class)
        .and()
        .areNotInterfaces()
        .should()
        .dependOnClassesThat()
        .areAssignableTo(Node.class)
        .check(MAIN);
  }
}

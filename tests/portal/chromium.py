"""Debian's Chromium, headless, driven as a person would use it; and axe-core 4.14.1, which looks for barriers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.foreign import need
from tests.running import PASSWORD

AXE = Path(__file__).parent / "axe" / "axe.min.js"
PHONE, SMALLEST, DESKTOP = (390, 844), (320, 640), (1280, 900)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
SECONDS = 30
MOST_IDLE = 3
"""So many windows wait for the next test."""
GOING = (NoSuchElementException, StaleElementReferenceException)


@dataclass
class Browser:
    """One window of one visitor."""

    driver: webdriver.Chrome
    url: str
    seconds: float = SECONDS

    def open(self, path: str) -> None:
        self.driver.get(self.url.rstrip("/") + path)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, text: str) -> None:
        """The link or button in the main part that says this."""
        path = f"//main//*[self::a or self::button][contains(normalize-space(.), '{text}')]"

        def clicked(driver: webdriver.Chrome) -> bool:
            element = driver.find_element(By.XPATH, path)
            driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        self.wait(clicked)

    def fill(self, name: str, value: str) -> None:
        field = self.one(f"main [name='{name}']")
        field.clear()
        field.send_keys(value)

    @property
    def text(self) -> str:
        """Raises StaleElementReferenceException where the page goes meanwhile, whatever the driver calls that."""
        try:
            return self.one("body").text
        except WebDriverException as error:
            if "does not belong to the document" not in str(error):
                raise
            raise StaleElementReferenceException(str(error)) from error

    @property
    def title(self) -> str:
        return self.one("h1").text

    def wait_for(self, text: str) -> None:
        """Until the page says so."""
        try:
            self.wait(lambda _: text in self.text)
        except TimeoutException:
            raise AssertionError(f"{text!r} is not to be seen at {self.driver.current_url}: {self.text}") from None

    def wait(self, condition: Callable[[webdriver.Chrome], bool]) -> None:
        """Until it holds; pages may come and go meanwhile."""
        WebDriverWait(self.driver, self.seconds, ignored_exceptions=GOING).until(condition)

    def sign_in(self, user: str, password: str = PASSWORD) -> None:
        self.open("/anmelden")
        self.fill("name", user)
        self.fill("password", password)
        self.one("main button.main").click()
        self.wait(lambda _: bool(self.all(".finder")))

    def barriers(self) -> list[str]:
        """What axe-core finds on this page, and whether it is wider than the window."""
        if not self.driver.execute_script("return 'axe' in window"):
            script = AXE.read_text("utf-8")
            self.driver.execute_script(script)
            self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        run = "axe.run({runOnly: arguments[0], resultTypes: ['violations']}).then(arguments[1], arguments[1])"
        found: dict[str, Any] = self.driver.execute_async_script(run, WCAG)
        told = [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]
        if self.driver.execute_script("return document.documentElement.scrollWidth > innerWidth"):
            told.append("wider than the window")
        return told

    def resize(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def shade(self, *, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def become(self, cookies: Mapping[str, str]) -> None:
        """The visitor who has these cookies, and no others."""
        self.open("/static/favicon.svg")
        self.driver.delete_all_cookies()
        for name, value in cookies.items():
            self.driver.add_cookie({"name": name, "value": value})

    def picture(self, path: Path) -> None:
        """Of the whole page."""
        width, height = self.driver.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 2400), "scale": 1}
        wish = {"captureBeyondViewport": True, "clip": clip}
        path.write_bytes(base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", wish)["data"]))


@contextmanager
def browser(url: str, size: tuple[int, int] = DESKTOP, *, listens: bool = False) -> Iterator[Browser]:
    """A fresh window; if it `listens`, its log `performance` tells all that it asks for."""
    here = Browser(started(listens=listens), url)
    try:
        here.resize(size)
        yield here
    finally:
        here.driver.quit()


def started(language: str = "de", *, script: bool = True, listens: bool = False) -> webdriver.Chrome:
    """Skipped, or failed with REQUIRE_CLIENTS=1, where Chromium is not installed."""
    options = webdriver.ChromeOptions()
    options.binary_location = need("chromium")
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(word)
    wishes: dict[str, Any] = {"intl.accept_languages": language}
    if not script:
        wishes["profile.managed_default_content_settings.javascript"] = 2
    options.add_experimental_option("prefs", wishes)
    if listens:
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        options.add_experimental_option("perfLoggingPrefs", {"enablePage": False})
    return webdriver.Chrome(options, webdriver.ChromeService(need("chromedriver")))


class Browsers:
    """Lends windows, one after the other to many tests: to start one takes longer than most looks through it."""

    def __init__(self) -> None:
        self._idle: list[tuple[str, bool, webdriver.Chrome]] = []

    @contextmanager
    def __call__(
        self,
        url: str,
        size: tuple[int, int] = DESKTOP,
        *,
        language: str = "de",
        script: bool = True,
        dark: bool = False,
    ) -> Iterator[Browser]:
        """A window that knows nothing of whoever had it before; what fails with it is not lent again."""
        driver = self._taken(language, script)
        try:
            here = Browser(driver, url)
            here.resize(size)
            here.shade(dark=dark)
            yield here
            forget(here)
        except BaseException:
            driver.quit()
            raise
        self._idle.append((language, script, driver))
        if len(self._idle) > MOST_IDLE:
            self._idle.pop(0)[2].quit()

    def _taken(self, language: str, script: bool) -> webdriver.Chrome:
        for place, (spoken, runs, driver) in enumerate(self._idle):
            if (spoken, runs) == (language, script):
                del self._idle[place]
                return driver
        return started(language, script=script)

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[2].quit()


def forget(here: Browser) -> None:
    """Who it was, what it kept and what it was told."""
    here.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": here.url.rstrip("/"), "storageTypes": "all"})
    here.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    here.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    here.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "default"})
    here.driver.get("about:blank")
    here.driver.get_log("browser")
